from_auto_file = ["lambda", "events"]

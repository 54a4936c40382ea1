from_file = "cost-centre"

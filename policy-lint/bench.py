"""Best of several runs: CPU seconds, wall seconds and memory of policy-lint, and ratios to what else is installed."""
import os
import resource
import subprocess
import sys
import tempfile
import time

program, folder, tools = sys.argv[1], sys.argv[2], sys.argv[3]
policies = sorted(os.path.join(folder, n) for n in os.listdir(folder) if n.endswith(".json"))


def measure(arguments, runs):
    best = None
    for _ in range(runs):
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.time()
        subprocess.run(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        best = min(best or (cpu, time.time() - start), (cpu, time.time() - start))
    return best


def row(name, figures, ours=None):
    ratio = f"  {figures[0] / ours[0]:.0f}x the CPU of policy-lint" if ours else ""
    print(f"{name:44} {figures[0]:8.3f} CPU s {figures[1]:8.3f} s{ratio}")


row("policy-lint, one policy, cold", measure([program, "check", policies[0]], 20))
ours = measure([program, "check", folder, "--format", "json"], 10)
row(f"policy-lint, {len(policies)} policies", ours)
print(f"{'per 1,000 policies':44} {ours[0] * 1000 / len(policies):8.3f} CPU s")
if tools:
    theirs = measure([f"{tools}/bin/parliament", "--directory", folder], 1)
    row("parliament, the same policies", theirs, ours)
    with tempfile.TemporaryDirectory() as work:
        with open(os.path.join(work, "main.tf"), "w", encoding="utf-8") as out:
            for number, path in enumerate(policies[:200]):
                text = open(path, encoding="utf-8").read()
                out.write(f'resource "aws_iam_policy" "p{number}" {{\n  policy = <<EOT\n{text}\nEOT\n}}\n')
        own = measure([program, "check", work, "--format", "json"], 5)
        row("policy-lint, 200 of them in Terraform", own)
        checkov = [f"{tools}/bin/checkov", "-d", work, "--framework", "terraform", "--quiet", "--compact"]
        row("checkov, the same", measure(checkov, 1), own)

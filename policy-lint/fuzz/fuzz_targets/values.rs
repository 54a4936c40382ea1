//! Values of variables and template files: the text before the first line `---` is the one, the rest the other.
#![no_main]
use libfuzzer_sys::fuzz_target;
use policy_lint::engine;
use policy_lint::terraform;

const SOURCE: &str = r#"
variable "x" { default = null }
variable "y" {
  type    = object({ actions = optional(list(string), ["s3:*"]), on = optional(bool) })
  default = {}
}
resource "aws_iam_policy" "template" { policy = templatefile("t.tftpl", { x = var.x, y = var.y, z = [var.x] }) }
resource "aws_iam_policy" "values" {
  for_each = toset(var.y.actions)
  policy   = jsonencode({ Statement = [for s in flatten([var.x]) : { Effect = "Allow", Action = each.key, Resource = s }] })
}
resource "aws_iam_policy" "either" { policy = var.y.on ? jsonencode(var.x) : var.x }
"#;

fuzz_target!(|text: &str| {
    let (values, template) = text.split_once("\n---\n").unwrap_or((text, text));
    let Ok(folder) = tempfile::tempdir() else { return };
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).is_ok();
    if write("main.tf", SOURCE) && write("terraform.tfvars", values) && write("t.tftpl", template) {
        for project in terraform::read(&[folder.path().to_path_buf()], &[]).projects {
            let _ = engine::run(&project);
        }
    }
});

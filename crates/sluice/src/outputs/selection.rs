//! Selects the outputs of one deployment, where a configuration has several.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde_json::{Map, Value};
use untrusted_text::escape;

/// The name of an output that is a map of deployments.
const MAP: &str = "deployments";
/// The output that every deployment has.
const MARK: &str = "deployment";

/// The outputs of a deployment, by name.
type Outputs = Map<String, Value>;

/// The outputs of the deployment `wanted`, or of the only one. `all` is what `terraform output -json` prints, with or without
/// the properties of each output. Each deployment is a whole object of the module `deployment`: the value of an output, or
/// of a key of the output `deployments`.
///
/// # Errors
/// If there is no such deployment, or there are several and none is named.
pub(super) fn select(all: &Value, wanted: Option<&str>, source: &str) -> anyhow::Result<Outputs> {
    let outputs = values(all);
    let candidates = candidates(&outputs, source)?;
    let keys: Vec<String> = candidates.keys().map(|key| format!("`{}`", escape(key))).collect();
    let keys = keys.join(", ");
    let is_single = outputs.get(MARK).is_some_and(|value| !value.is_null());
    match wanted {
        Some(key) if candidates.is_empty() && is_single => {
            bail!("{source} has one deployment without a key, and no `{}`: omit --deployment", escape(key))
        }
        Some(key) if !candidates.is_empty() => candidates.get(key).map(|found| (*found).clone()).with_context(|| {
            format!("{source} has no deployment `{}`: use --deployment with one of {keys}", escape(key))
        }),
        None if is_single => Ok(outputs),
        None if candidates.len() > 1 => bail!("{source} has several deployments: use --deployment with one of {keys}"),
        _ => candidates.into_values().next().cloned().with_context(|| {
            format!("{source} has no output `{MARK}`: apply the root module of this repository first, or add the outputs in terraform/modules/deployment/README.md to your own")
        }),
    }
}

/// The values of the outputs, without their properties (`sensitive`, `type`).
fn values(all: &Value) -> Outputs {
    let outputs = all.as_object().into_iter().flatten();
    outputs.map(|(name, output)| (name.clone(), output.get("value").unwrap_or(output).clone())).collect()
}

/// The deployments that have a key.
fn candidates<'a>(outputs: &'a Outputs, source: &str) -> anyhow::Result<BTreeMap<&'a str, &'a Outputs>> {
    let of_map = outputs.get(MAP).and_then(Value::as_object).into_iter().flatten();
    let of_outputs = outputs.iter().filter(|(name, _)| *name != MAP);
    let mut found = BTreeMap::new();
    for (key, value) in of_outputs.chain(of_map) {
        let Some(object) = value.as_object().filter(|object| object.get(MARK).is_some_and(Value::is_object)) else {
            continue;
        };
        if found.insert(key.as_str(), object).is_some() {
            bail!(
                "{source} has two deployments `{0}`, an output and a key of `{MAP}`: rename one of them",
                escape(key)
            );
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// A whole deployment as the value of an output, in a region.
    fn deployment(region: &str) -> Value {
        json!({"deployment": {"region": region}, "ingest": null})
    }

    /// The outputs of a root module with one deployment.
    fn document() -> Value {
        json!({"deployment": {"value": {"region": "eu-central-1"}}, "ingest": {"value": null}})
    }

    fn region_of(all: &Value, wanted: Option<&str>) -> Result<String, String> {
        let found = select(all, wanted, "`x.json`").map_err(|e| e.to_string())?;
        Ok(found["deployment"]["region"].as_str().unwrap().to_owned())
    }

    #[test]
    fn one_of_several_deployments_is_selected_by_its_key() {
        let (one, two) = (deployment("us-east-1"), deployment("eu-west-1"));
        for all in [
            json!({"us": {"sensitive": false, "value": one}, "eu": {"value": two}, "note": {"value": "x"}}),
            json!({"us": one, "eu": two}),
            json!({"deployments": {"value": {"us": one, "eu": two}}}),
            json!({"us": {"value": one}, "deployments": {"eu": two}}),
        ] {
            assert_eq!(region_of(&all, Some("eu")).unwrap(), "eu-west-1");
            assert_eq!(region_of(&all, Some("us")).unwrap(), "us-east-1");
            let error = region_of(&all, None).unwrap_err();
            assert_eq!(error, "`x.json` has several deployments: use --deployment with one of `eu`, `us`");
            let error = region_of(&all, Some("asia")).unwrap_err();
            assert_eq!(error, "`x.json` has no deployment `asia`: use --deployment with one of `eu`, `us`");
        }
    }

    #[test]
    fn a_single_deployment_needs_no_key() {
        let region = "us-east-1";
        for all in [json!({"us": {"value": deployment(region)}}), json!({"deployments": {"us": deployment(region)}})] {
            assert_eq!(region_of(&all, None).unwrap(), region);
            assert_eq!(region_of(&all, Some("us")).unwrap(), region);
        }
        assert_eq!(region_of(&document(), None).unwrap(), "eu-central-1");
        assert!(region_of(&document(), Some("us")).unwrap_err().contains("omit --deployment"));
        let mut both = document();
        both["us"] = deployment(region);
        assert_eq!(region_of(&both, None).unwrap(), "eu-central-1");
        assert_eq!(region_of(&both, Some("us")).unwrap(), region);
    }

    #[test]
    fn outputs_without_a_deployment_are_an_error() {
        for all in [json!({}), json!([]), json!({"deployments": {}}), json!({"ingest": {"value": {}}})] {
            for wanted in [None, Some("us")] {
                assert!(region_of(&all, wanted).unwrap_err().contains("apply the root module"), "{all}");
            }
        }
        let twice = json!({"us": deployment("us-east-1"), "deployments": {"us": deployment("eu-west-1")}});
        assert!(region_of(&twice, Some("us")).unwrap_err().contains("two deployments `us`"));
    }
}

//! Resources that add one statement to a policy: `aws_lambda_permission` and similar ones.
use iam_policy::PolicyKind;
use source_text::{Data, Member, Text, Value};
use terraform_eval::Resource;

/// The statement that a type of resource adds.
struct Shape {
    kind: PolicyKind,
    /// The attribute that names the resource of the statement.
    resource: Option<&'static str>,
    /// The action, if the resource has a default for it.
    action: Option<&'static str>,
}

fn shape(resource: &str) -> Option<Shape> {
    match resource {
        "aws_cloudwatch_event_permission" => {
            Some(Shape { kind: PolicyKind::Resource, resource: None, action: Some("events:PutEvents") })
        }
        "aws_lambda_layer_version_permission" => {
            Some(Shape { kind: PolicyKind::Lambda, resource: Some("layer_name"), action: None })
        }
        "aws_lambda_permission" => {
            Some(Shape { kind: PolicyKind::Lambda, resource: Some("function_name"), action: None })
        }
        _ => None,
    }
}

/// The policy that the resource represents, and its kind; `None` for any other resource.
pub(crate) fn to_policy(resource: &Resource) -> Option<(Value, PolicyKind)> {
    let shape = shape(&resource.kind)?;
    let span = resource.head;
    let text = |text: &'static str| Value::new(Data::String(Text::known(text)), span);
    let object = |members: Vec<Member>| Value::object(members, span);
    let given = |key: &str| resource.values.get(key).filter(|v| !matches!(v.data, Data::Null)).cloned();
    let name = given("principal")?;
    let everyone = name.as_str() == Some("*");
    let is_service = name.as_text().is_some_and(|t| t.raw().contains(".amazonaws.com"));
    let principal_type = if is_service { "Service" } else { "AWS" };
    let principal = if everyone { name } else { object(vec![member(principal_type, name)]) };
    let mut members = vec![member("Effect", text("Allow")), member("Principal", principal)];
    members.push(member("Action", given("action").or_else(|| shape.action.map(text))?));
    members.push(member("Resource", shape.resource.and_then(given).unwrap_or_else(|| text("*"))));
    let operators = conditions(resource);
    if !operators.is_empty() {
        members.push(member("Condition", object(operators)));
    }
    let document = object(vec![member("Version", text("2012-10-17")), member("Statement", object(members))]);
    Some((document, shape.kind))
}

fn member(key: &str, value: Value) -> Member {
    Member { key: Text::known(key), key_span: value.span, value }
}

/// The conditions that the resource has as attributes of its own.
fn conditions(resource: &Resource) -> Vec<Member> {
    let mut operators: Vec<(String, Vec<Member>)> = Vec::new();
    let mut add = |operator: &str, key: &str, value: Value| match operators.iter_mut().find(|(o, _)| o == operator) {
        Some((_, keys)) => keys.push(member(key, value)),
        None => operators.push((operator.to_owned(), vec![member(key, value)])),
    };
    for (attribute, operator, key) in [
        ("source_arn", "ArnLike", "AWS:SourceArn"),
        ("source_account", "StringEquals", "AWS:SourceAccount"),
        ("principal_org_id", "StringEquals", "aws:PrincipalOrgID"),
        ("organization_id", "StringEquals", "aws:PrincipalOrgID"),
        ("function_url_auth_type", "StringEquals", "lambda:FunctionUrlAuthType"),
    ] {
        if let Some(value) = resource.values.get(attribute).filter(|v| !matches!(v.data, Data::Null)) {
            add(operator, key, value.clone());
        }
    }
    for block in resource.values.get("condition").map(Value::elements).unwrap_or_default() {
        let part = |key: &str| block.get(key).and_then(Value::as_str);
        if let (Some(operator), Some(key), Some(value)) = (part("type"), part("key"), block.get("value")) {
            add(operator, key, value.clone());
        }
    }
    let object = |keys: Vec<Member>| Value::object(keys, resource.head);
    operators.into_iter().map(|(operator, keys)| member(&operator, object(keys))).collect()
}

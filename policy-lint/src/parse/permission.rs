//! `aws_lambda_permission`: the statement that AWS adds to the function's policy.
use crate::project::Resource;
use crate::value::{Data, Member, Text, Value};

/// The policy that the resource stands for; `None` for any other resource.
pub fn to_policy(resource: &Resource) -> Option<Value> {
    if resource.kind != "aws_lambda_permission" {
        return None;
    }
    let span = resource.head;
    let member = |key: &str, value: Value| Member { key: Text::known(key), key_span: value.span, value };
    let object = |members: Vec<Member>| Value::object(members, span);
    let given = |key: &str| resource.values.get(key).filter(|v| !matches!(v.data, Data::Null)).cloned();
    let principal = given("principal")?;
    let everyone = principal.as_str() == Some("*");
    let is_service = principal.as_text().is_some_and(|t| t.raw().contains(".amazonaws.com"));
    let principal =
        if everyone { principal } else { object(vec![member(if is_service { "Service" } else { "AWS" }, principal)]) };
    let mut operators: Vec<(&str, Vec<Member>)> = Vec::new();
    for (attribute, operator, key) in [
        ("source_arn", "ArnLike", "AWS:SourceArn"),
        ("source_account", "StringEquals", "AWS:SourceAccount"),
        ("principal_org_id", "StringEquals", "aws:PrincipalOrgID"),
        ("function_url_auth_type", "StringEquals", "lambda:FunctionUrlAuthType"),
    ] {
        let Some(value) = given(attribute) else { continue };
        let found = operators.iter_mut().find(|(name, _)| *name == operator);
        match found {
            Some((_, keys)) => keys.push(member(key, value)),
            None => operators.push((operator, vec![member(key, value)])),
        }
    }
    let mut members = vec![member("Effect", Value::new(Data::String(Text::known("Allow")), span))];
    members.push(member("Principal", principal));
    members.push(member("Action", given("action")?));
    members.extend(given("function_name").map(|v| member("Resource", v)));
    if !operators.is_empty() {
        let operators = operators.into_iter().map(|(name, keys)| member(name, object(keys)));
        members.push(member("Condition", object(operators.collect())));
    }
    let version = Value::new(Data::String(Text::known("2012-10-17")), span);
    Some(object(vec![member("Version", version), member("Statement", object(members))]))
}

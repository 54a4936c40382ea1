use iam_policy::model::{Item, Policy, Statement};
use iam_policy::pattern;

use crate::access::{Identity, identities};
use crate::project::Project;
use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    name: "privilege-escalation",
    family: Family::Escalation,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("privilege_escalation.md"),
    check: Check::Project(check),
};

/// Actions that together allow privilege escalation, and how.
const PATHS: &[(&[&str], &str)] = &[
    (&["iam:CreatePolicyVersion"], "create a new version of a policy attached to it"),
    (&["iam:SetDefaultPolicyVersion"], "restore an older, broader version of a policy attached to it"),
    (&["iam:AttachUserPolicy"], "attach an administrator policy to a user"),
    (&["iam:AttachGroupPolicy"], "attach an administrator policy to a group"),
    (&["iam:AttachRolePolicy"], "attach an administrator policy to a role"),
    (&["iam:PutUserPolicy"], "add an inline policy to a user"),
    (&["iam:PutGroupPolicy"], "add an inline policy to a group"),
    (&["iam:PutRolePolicy"], "add an inline policy to a role"),
    (&["iam:AddUserToGroup"], "join a group with more permissions"),
    (&["iam:UpdateAssumeRolePolicy", "sts:AssumeRole"], "change any trust policy and assume the role"),
    (&["iam:CreateAccessKey"], "create access keys for another user"),
    (&["iam:CreateLoginProfile"], "set a password for another user"),
    (&["iam:UpdateLoginProfile"], "change the password of another user"),
    (&["iam:DeleteRolePermissionsBoundary"], "remove the permissions boundary of a role"),
    (&["iam:DeleteUserPermissionsBoundary"], "remove the permissions boundary of a user"),
    (&["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"], "run code as any role in a function"),
    (
        &["iam:PassRole", "lambda:CreateFunction", "lambda:CreateEventSourceMapping"],
        "run code as any role in a function",
    ),
    (&["iam:PassRole", "lambda:CreateFunction", "lambda:AddPermission"], "run code as any role in a function"),
    (&["iam:PassRole", "ec2:RunInstances"], "run an instance as any role"),
    (&["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:RunTask"], "run a container as any role"),
    (&["iam:PassRole", "cloudformation:CreateStack"], "create a stack as any role"),
    (&["iam:PassRole", "glue:CreateDevEndpoint"], "open a development endpoint as any role"),
    (&["iam:PassRole", "glue:CreateJob", "glue:StartJobRun"], "run a job as any role"),
    (
        &["iam:PassRole", "datapipeline:CreatePipeline", "datapipeline:PutPipelineDefinition"],
        "run a pipeline as any role",
    ),
    (
        &["iam:PassRole", "sagemaker:CreateNotebookInstance", "sagemaker:CreatePresignedNotebookInstanceUrl"],
        "open a notebook as any role",
    ),
    (&["iam:PassRole", "sagemaker:CreateTrainingJob"], "run a job as any role"),
    (&["iam:PassRole", "codebuild:CreateProject", "codebuild:StartBuild"], "run a build as any role"),
    (&["iam:PassRole", "states:CreateStateMachine", "states:StartExecution"], "run a state machine as any role"),
    (&["iam:PassRole", "ssm:StartAutomationExecution"], "run automation as any role"),
    (&["lambda:UpdateFunctionCode"], "replace the code of any function and use its role"),
    (&["lambda:UpdateFunctionConfiguration"], "add its own layer to any function and use its role"),
    (&["glue:UpdateDevEndpoint"], "open any development endpoint and use its role"),
    (&["codestar:CreateProject", "iam:PassRole"], "create a project that runs as any role"),
    (&["cloudformation:UpdateStack"], "change any stack with the permissions of its role"),
    (&["ssm:SendCommand"], "run commands on any instance and use its role"),
    (&["ssm:StartSession"], "open a shell on any instance and use its role"),
    (&["ec2-instance-connect:SendSSHPublicKey"], "open a shell on any instance and use its role"),
];

fn check(project: &Project, reporter: &mut Reporter<'_>) {
    for identity in identities(project) {
        let all_powerful = identity.unbounded("iam:MostPowerfulProbe").is_some();
        if !all_powerful {
            check_identity(&identity, reporter);
        }
    }
}

fn check_identity(identity: &Identity<'_>, reporter: &mut Reporter<'_>) {
    let mut reported: Vec<(usize, &str)> = Vec::new();
    for (actions, how) in PATHS {
        let passes = actions.contains(&PASS_ROLE) && identity.unbounded(PASS_ROLE).is_some();
        // If every role may be passed, permission on any one resource is enough to run code as that role.
        let grant = |action: &&str| {
            identity
                .unbounded(action)
                .or_else(|| if passes && **action != *PASS_ROLE { granting_statement(identity, action) } else { None })
        };
        let grants: Option<Vec<(&Policy, &Statement)>> = actions.iter().map(grant).collect();
        let Some(grants) = grants else { continue };
        // The location is the first action that a policy names, if possible not `iam:PassRole`.
        let named_items = actions.iter().zip(&grants).filter_map(|(a, (p, s))| Some((*a, *p, pattern_of(s, a)?)));
        let named: Vec<(&str, &Policy, &Item)> = named_items.collect();
        let Some((_, policy, item)) = named.iter().find(|(a, _, _)| *a != PASS_ROLE).or(named.first()) else {
            continue;
        };
        let key = (item.at.span.start as usize, *how);
        if reported.contains(&key) {
            continue;
        }
        reported.push(key);
        let list: Vec<String> = actions.iter().map(|a| format!("`{a}`")).collect();
        let message = if passes {
            format!("with {} and every role to pass, the principal can {how}", list.join(", "))
        } else {
            format!("with {} on every resource, the principal can {how}", list.join(" and "))
        };
        let help = if actions.contains(&PASS_ROLE) {
            "restrict these actions to the resources they are for, and `iam:PassRole` with a condition on `iam:PassedToService`"
        } else {
            "restrict these actions to the resources they are for"
        };
        let finding = reporter.policy(policy, item.at, message, help);
        for (action, _, other) in named.iter().filter(|(_, _, i)| i.at.span != item.at.span) {
            finding.related(other.at.span, format!("`{action}` is allowed here"));
        }
    }
}

const PASS_ROLE: &str = "iam:PassRole";

/// The statement that allows an action on some resource, without a condition.
fn granting_statement<'a>(identity: &'a Identity<'_>, action: &str) -> Option<(&'a Policy, &'a Statement)> {
    let granted = |p: &&'a Policy| {
        let statement = p.statements.iter().find(|s| s.allows() && !s.is_conditional() && s.applies_to_action(action));
        statement.map(|s| (*p, s))
    };
    identity.allows(action).then(|| identity.policies.iter().copied().find_map(|p| granted(&p))).flatten()
}

/// The pattern that grants an action, unless it is `*` or a whole service.
fn pattern_of<'a>(statement: &'a Statement, action: &str) -> Option<&'a Item> {
    let wide = |text: &str| text == "*" || text.ends_with(":*");
    statement.action_items().iter().find(|i| !wide(i.raw()) && pattern::matches_action(i.raw(), action))
}

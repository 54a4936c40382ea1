//! See the page.
use iam_policy::model::{Item, Policy, Statement};
use iam_policy::pattern;

use crate::access::{Identity, identities};
use crate::project::Project;
use crate::rule::{Check, Family, Persona, Reporter, Rule, Severity};

/// The rule.
pub static RULE: Rule = Rule {
    name: "privilege-escalation",
    family: Family::Escalation,
    severity: Severity::Warning,
    persona: Persona::Regular,
    aws: None,
    doc: include_str!("privilege_escalation.md"),
    check: Check::Project(check),
};

/// Actions that together lead to any other right, and how.
const PATHS: &[(&[&str], &str)] = &[
    (&["iam:CreatePolicyVersion"], "write a new version of a policy that they hold"),
    (&["iam:SetDefaultPolicyVersion"], "bring back an older, wider version of a policy that they hold"),
    (&["iam:AttachUserPolicy"], "attach an administrator's policy to a user"),
    (&["iam:AttachGroupPolicy"], "attach an administrator's policy to a group"),
    (&["iam:AttachRolePolicy"], "attach an administrator's policy to a role"),
    (&["iam:PutUserPolicy"], "write a policy into a user"),
    (&["iam:PutGroupPolicy"], "write a policy into a group"),
    (&["iam:PutRolePolicy"], "write a policy into a role"),
    (&["iam:AddUserToGroup"], "join a group with more rights"),
    (&["iam:UpdateAssumeRolePolicy", "sts:AssumeRole"], "let themselves assume any role"),
    (&["iam:CreateAccessKey"], "make access keys of another user"),
    (&["iam:CreateLoginProfile"], "set a password for another user"),
    (&["iam:UpdateLoginProfile"], "change the password of another user"),
    (&["iam:DeleteRolePermissionsBoundary"], "take away the boundary of a role"),
    (&["iam:DeleteUserPermissionsBoundary"], "take away the boundary of a user"),
    (&["iam:PassRole", "lambda:CreateFunction", "lambda:InvokeFunction"], "run code as any role by a function"),
    (
        &["iam:PassRole", "lambda:CreateFunction", "lambda:CreateEventSourceMapping"],
        "run code as any role by a function",
    ),
    (&["iam:PassRole", "lambda:CreateFunction", "lambda:AddPermission"], "run code as any role by a function"),
    (&["iam:PassRole", "ec2:RunInstances"], "run an instance as any role"),
    (&["iam:PassRole", "ecs:RegisterTaskDefinition", "ecs:RunTask"], "run a container as any role"),
    (&["iam:PassRole", "cloudformation:CreateStack"], "build a stack as any role"),
    (&["iam:PassRole", "glue:CreateDevEndpoint"], "open an endpoint as any role"),
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
    (&["lambda:UpdateFunctionConfiguration"], "put a layer of their own under any function and use its role"),
    (&["glue:UpdateDevEndpoint"], "open any endpoint and use its role"),
    (&["codestar:CreateProject", "iam:PassRole"], "make a project that runs as any role"),
    (&["cloudformation:UpdateStack"], "change any stack with the rights of its role"),
    (&["ssm:SendCommand"], "run commands on any instance and use its role"),
    (&["ssm:StartSession"], "open a shell on any instance and use its role"),
    (&["ec2-instance-connect:SendSSHPublicKey"], "open a shell on any instance and use its role"),
];

fn check(project: &Project, reporter: &mut Reporter<'_>) {
    for identity in identities(project) {
        let all_powerful = identity.unbounded("iam:MostPowerfulProbe").is_some();
        if !all_powerful {
            judge(&identity, reporter);
        }
    }
}

fn judge(identity: &Identity<'_>, reporter: &mut Reporter<'_>) {
    let mut told: Vec<(usize, &str)> = Vec::new();
    for (actions, how) in PATHS {
        let passes = actions.contains(&PASS) && identity.unbounded(PASS).is_some();
        // Where every role may be passed, one resource of any name is enough to run as it.
        let grant = |action: &&str| {
            identity
                .unbounded(action)
                .or_else(|| if passes && **action != *PASS { some(identity, action) } else { None })
        };
        let grants: Option<Vec<(&Policy, &Statement)>> = actions.iter().map(grant).collect();
        let Some(grants) = grants else { continue };
        // The last action of a path that is written out is where to mend it.
        let named = actions.iter().zip(&grants).filter_map(|(a, (p, s))| Some((*a, *p, pattern_of(s, a)?)));
        let named: Vec<(&str, &Policy, &Item)> = named.collect();
        let Some((_, policy, item)) = named.iter().find(|(a, _, _)| *a != PASS).or(named.first()) else {
            continue;
        };
        let key = (item.at.span.start as usize, *how);
        if told.contains(&key) {
            continue;
        }
        told.push(key);
        let list: Vec<String> = actions.iter().map(|a| format!("`{a}`")).collect();
        let message = if passes {
            format!("with {}, and every role to pass, they can {how}", list.join(" and "))
        } else {
            format!("with {} on every resource they can {how}", list.join(" and "))
        };
        let help = if actions.contains(&PASS) {
            "name the resources these actions are for; a condition on `iam:PassedToService` ties `iam:PassRole`"
        } else {
            "name the resources these actions are for"
        };
        let finding = reporter.policy(policy, item.at, message, help);
        for (action, _, other) in named.iter().filter(|(_, _, i)| i.at.span != item.at.span) {
            finding.related(other.at.span, format!("`{action}` is allowed here"));
        }
    }
}

const PASS: &str = "iam:PassRole";

/// The statement that allows an action on something.
fn some<'a>(identity: &'a Identity<'_>, action: &str) -> Option<(&'a Policy, &'a Statement)> {
    let granted = |p: &&'a Policy| {
        let statement = p.statements.iter().find(|s| s.allows() && !s.is_conditional() && s.applies_to_action(action));
        statement.map(|s| (*p, s))
    };
    identity.allows(action).then(|| identity.policies.iter().copied().find_map(|p| granted(&p))).flatten()
}

/// The pattern that grants an action, where it is not `*` or all of a service.
fn pattern_of<'a>(statement: &'a Statement, action: &str) -> Option<&'a Item> {
    let wide = |text: &str| text == "*" || text.ends_with(":*");
    statement.action_items().iter().find(|i| !wide(i.raw()) && pattern::matches_action(i.raw(), action))
}

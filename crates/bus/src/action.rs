//! Which texts an alarm may have as an action.
//!
//! Source: CloudWatch API reference, `PutMetricAlarm`, field `AlarmActions`, valid values; user guide,
//! "Alarm actions".

/// The parts of `arn:partition:service:region:account:resource`.
struct Arn<'t> {
    service: &'t str,
    region: &'t str,
    account: &'t str,
    resource: &'t str,
}

impl<'t> Arn<'t> {
    fn parse(text: &'t str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (arn, partition) = (parts.next()?, parts.next()?);
        let arn_ok = arn == "arn" && (partition == "aws" || partition.starts_with("aws-"));
        let found = Self {
            service: parts.next()?,
            region: parts.next()?,
            account: parts.next()?,
            resource: parts.next()?,
        };
        let is_plain = text.chars().all(|c| !c.is_control() && !c.is_whitespace());
        (arn_ok && is_plain && !found.resource.is_empty()).then_some(found)
    }

    fn has_account(&self) -> bool {
        self.account.len() == 12 && self.account.bytes().all(|b| b.is_ascii_digit())
    }
}

/// Names of topics and functions: letters, digits, dashes, underscores.
fn is_name(text: &str, len_max: usize) -> bool {
    (1..=len_max).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
}

fn is_function(resource: &str) -> bool {
    let mut parts = resource.split(':');
    let name_ok = parts.next() == Some("function") && parts.next().is_some_and(|n| is_name(n, 64));
    let qualifier_ok = parts.next().is_none_or(|q| q == "$LATEST" || is_name(q, 128));
    name_ok && qualifier_ok && parts.next().is_none()
}

/// `opsitem:1` to `opsitem:4`, the severity, and perhaps a category.
fn is_ops_item(resource: &str) -> bool {
    let Some(rest) = resource.strip_prefix("opsitem:") else { return false };
    let (severity, category) = rest.split_once('#').unwrap_or((rest, "CATEGORY=any"));
    matches!(severity, "1" | "2" | "3" | "4")
        && category.strip_prefix("CATEGORY=").is_some_and(|c| !c.is_empty())
}

/// What an action does to an instance, in both of its forms.
fn is_of_instance(arn: &Arn<'_>) -> bool {
    match arn.service {
        // Where others have the account, these say whose instance.
        "automate" => {
            arn.account == "ec2"
                && ["stop", "terminate", "recover", "reboot"].contains(&arn.resource)
        }
        "swf" => {
            let verb = arn.resource.strip_prefix("action/actions/AWS_EC2.InstanceId.");
            arn.has_account()
                && verb.is_some_and(|verb| {
                    ["Stop/1.0", "Terminate/1.0", "Reboot/1.0", "Recover/1.0"].contains(&verb)
                })
        }
        _ => false,
    }
}

/// Says whether a target is a topic, or a subscription that is asked for confirmation.
pub fn is_topic(target: &str) -> bool {
    let mut parts = target.split(':');
    parts.next() == Some("arn") && parts.nth(1) == Some("sns")
}

/// Says what is wrong with an action of an alarm in a region. What the operator's handlers take need not
/// be asked for.
///
/// Topics may be of other accounts, and need not be there.
///
/// # Errors
/// A sentence, or its beginning as the service has it.
pub fn check_action(text: &str, region: &str) -> Result<(), String> {
    let syntax = || format!("Invalid arn syntax: {text}");
    let arn = Arn::parse(text).ok_or_else(syntax)?;
    let starts = |prefixes: &[&str]| {
        let rest = prefixes.iter().find_map(|prefix| arn.resource.strip_prefix(prefix));
        rest.is_some_and(|rest| !rest.is_empty())
    };
    let is_form = match arn.service {
        "sns" => {
            let name = arn.resource.strip_suffix(".fifo").unwrap_or(arn.resource);
            arn.has_account() && is_name(name, 256)
        }
        "automate" | "swf" => is_of_instance(&arn),
        "autoscaling" => {
            arn.has_account()
                && starts(&["scalingPolicy:"])
                && arn.resource.contains(":policyName/")
        }
        "lambda" => arn.has_account() && is_function(arn.resource),
        "ssm" => arn.has_account() && is_ops_item(arn.resource),
        "ssm-incidents" => arn.has_account() && starts(&["responseplan/", "response-plan/"]),
        "aiops" => arn.has_account() && starts(&["investigation-group:", "investigation-group/"]),
        _ => false,
    };
    if !is_form {
        return Err(syntax());
    }
    // Plans for incidents are of all regions.
    if arn.region != region && !(arn.service == "ssm-incidents" && arn.region.is_empty()) {
        return Err(format!(
            "Invalid region {} specified. Only {region} is supported.",
            arn.region
        ));
    }
    if arn.service == "sns" && arn.resource.ends_with(".fifo") {
        let why = "FIFO topics are not served by Sightline yet";
        return Err(format!("The action {text} cannot be used: {why}."));
    }
    Ok(())
}

/// Says whether an action does something to an instance of EC2, which only an alarm on one metric may.
pub fn is_action_on_instance(text: &str) -> bool {
    Arn::parse(text).is_some_and(|arn| is_of_instance(&arn))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), String> {
        check_action(text, "us-east-1")
    }

    #[test]
    fn the_service_s_forms_are_taken() {
        for action in [
            "arn:aws:sns:us-east-1:123456789012:ops",
            "arn:aws-us-gov:sns:us-east-1:999999999999:of_another-account",
            "arn:aws:lambda:us-east-1:123456789012:function:page",
            "arn:aws:lambda:us-east-1:123456789012:function:page:7",
            "arn:aws:lambda:us-east-1:123456789012:function:page:$LATEST",
            "arn:aws:lambda:us-east-1:123456789012:function:page:live",
            "arn:aws:ssm:us-east-1:123456789012:opsitem:1",
            "arn:aws:ssm:us-east-1:123456789012:opsitem:4#CATEGORY=Performance",
            "arn:aws:ssm-incidents::123456789012:responseplan/night",
            "arn:aws:ssm-incidents::123456789012:response-plan/night",
            "arn:aws:aiops:us-east-1:123456789012:investigation-group:g",
            "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:6e4c-1:autoScalingGroupName/g:policyName/out",
        ] {
            assert_eq!((check(action), is_action_on_instance(action)), (Ok(()), false), "{action}");
        }
        for verb in ["Stop", "Terminate", "Reboot", "Recover"] {
            let swf = "arn:aws:swf:us-east-1:123456789012:action/actions/AWS_EC2.InstanceId.";
            for action in [
                format!("arn:aws:automate:us-east-1:ec2:{}", verb.to_lowercase()),
                format!("{swf}{verb}/1.0"),
            ] {
                assert_eq!((check(&action), is_action_on_instance(&action)), (Ok(()), true));
            }
        }
    }

    #[test]
    fn other_texts_are_refused_in_the_service_s_words() {
        for text in [
            "ops",
            "a@example.com",
            "https://example.com/hook",
            "arn:aws:sns:us-east-1",
            "arn:aws:sns:us-east-1:123456789012:",
            "arn:aws:sns:us-east-1:12:ops",
            "arn:aws:sns:us-east-1:123456789012:ops:0a-1b",
            "arn:aws:sns:us-east-1:123456789012:o p s",
            "arn:aws:sns:us-east-1:123456789012:ops\r\nBcc: eve",
            "arn:elsewhere:sns:us-east-1:123456789012:ops",
            "ARN:aws:sns:us-east-1:123456789012:ops",
            "arn:aws:sqs:us-east-1:123456789012:jobs",
            "arn:aws:automate:us-east-1:ec2:start",
            "arn:aws:automate:us-east-1:123456789012:ec2:stop",
            "arn:aws:swf:us-east-1:123456789012:action/actions/AWS_EC2.InstanceId.Start/1.0",
            "arn:aws:autoscaling:us-east-1:123456789012:scalingPolicy:x",
            "arn:aws:lambda:us-east-1:123456789012:function",
            "arn:aws:lambda:us-east-1:123456789012:function:a:b:c",
            "arn:aws:ssm:us-east-1:123456789012:opsitem:5",
            "arn:aws:ssm:us-east-1:123456789012:document/x",
        ] {
            assert_eq!(check(text), Err(format!("Invalid arn syntax: {text}")));
        }
        assert_eq!(
            check("arn:aws:sns:eu-west-1:123456789012:ops"),
            Err("Invalid region eu-west-1 specified. Only us-east-1 is supported.".into())
        );
        assert_eq!(
            check("arn:aws:sns:us-east-1:123456789012:ops.fifo"),
            Err("The action arn:aws:sns:us-east-1:123456789012:ops.fifo cannot be used: FIFO topics are \
                 not served by Sightline yet."
                .into())
        );
    }
}

//! What is kept of a call for the audit: CloudTrail's record.
//!
//! Source: AWS CloudTrail user guide, "CloudTrail record contents for management, data, and network
//! activity events".

use crate::{Principal, PrincipalKind};
use serde::Serialize;
use serde_json::Value;

/// Who called, as CloudTrail tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserIdentity {
    /// `Root`, `IAMUser`, `AWSService` for the server itself, or `Unknown` for whoever could not say
    /// who they are.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Their account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// Their name as AWS writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arn: Option<String>,
    /// The access key or token that they came with; never its secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// Their name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_name: Option<String>,
}

impl UserIdentity {
    /// Somebody who was let in.
    pub fn of(who: &Principal) -> Self {
        let kind = match who.kind {
            PrincipalKind::Internal => "AWSService",
            _ if who.is_root() => "Root",
            _ => "IAMUser",
        };
        let has_key = !matches!(who.kind, PrincipalKind::User | PrincipalKind::Internal);
        Self {
            kind,
            account_id: Some(who.account.to_string()),
            arn: Some(who.arn()),
            access_key_id: (has_key && !who.key_id.is_empty()).then(|| who.key_id.clone()),
            user_name: (!who.is_root()).then(|| who.name.clone()),
        }
    }

    /// Somebody who was not let in, with the name or key that they gave.
    pub fn unknown(user_name: Option<String>, access_key_id: Option<String>) -> Self {
        Self { kind: "Unknown", account_id: None, arn: None, access_key_id, user_name }
    }
}

/// One call, as a line of the audit file.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditRecord {
    /// Version of this form.
    pub event_version: &'static str,
    /// Who called.
    pub user_identity: UserIdentity,
    /// When, in UTC, such as `2026-01-01T00:00:00Z`.
    pub event_time: String,
    /// Whose operation it was, such as `monitoring.amazonaws.com`.
    pub event_source: String,
    /// The operation.
    pub event_name: String,
    /// Region that it was for.
    pub aws_region: String,
    /// Address that it came from.
    #[serde(rename = "sourceIPAddress")]
    pub source_ip_address: String,
    /// Program that it came from, as that calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Why it was refused or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
    /// The same for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// What was asked for, without secrets; `null` when nothing.
    pub request_parameters: Option<Value>,
    /// What it changed, without secrets; `null` when nothing.
    pub response_elements: Option<Value>,
    /// Id of the request.
    #[serde(rename = "requestID")]
    pub request_id: String,
    /// Id of this record.
    #[serde(rename = "eventID")]
    pub event_id: String,
    /// Whether it could change anything.
    pub read_only: bool,
    /// `AwsApiCall` or `AwsConsoleSignIn`.
    pub event_type: &'static str,
    /// Whether it is about the server rather than about data in it.
    pub management_event: bool,
    /// Account that it was for.
    pub recipient_account_id: String,
}

//! What a subscription's receiver gets.

use super::record::{Subscription, Topic};
use crate::Platform;
use crate::outbox::{Made, Telling};
use bus::{
    HttpCallParts, KeptSigningKey, Mail, MessageType, Notice, Paragraph, RetryPolicy, Said,
    SignatureVersion, SigningKey, SnsMessage,
};
use catalog::Change;
use std::collections::BTreeMap;
use std::sync::Arc;
use stdx::{Call, MailCall};

/// Web hooks answer within the time that the service gives them.
const WAIT_MS: u64 = 15_000;
const MAIL_WAIT_MS: u64 = 60_000;
const SECRETS: &str = "secrets";
const SIGNING_KEY: &str = "signing-key";
/// What a mail is about when nobody says.
const SUBJECT: &str = "AWS Notification Message";

/// Escapes what stands in a query string.
pub(crate) fn escaped(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    text.bytes()
        .map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

impl Platform {
    /// Returns the key that messages are signed with; it is made when it is first needed.
    pub(crate) fn signing_key(&self) -> Result<Arc<SigningKey>, String> {
        if let Some(key) = self.topics.key.get() {
            return Ok(key.clone());
        }
        let _making = self.topics.making_key.lock();
        if let Some(key) = self.topics.key.get() {
            return Ok(key.clone());
        }
        let kept = self.catalog.get(SECRETS, SIGNING_KEY).map_err(|e| e.to_string())?;
        let opened = kept.map(|sealed| {
            let text = self.credentials.unseal(&sealed, SIGNING_KEY).map_err(|e| e.to_string())?;
            let kept: KeptSigningKey = serde_json::from_str(&text).map_err(|e| e.to_string())?;
            SigningKey::read(&kept).map_err(|e| e.to_string())
        });
        let key = match opened {
            Some(Ok(key)) => key,
            other => {
                if let Some(Err(error)) = other {
                    // Receivers fetch the certificate that a message names, so a new key harms nobody.
                    tracing::warn!(
                        error,
                        "the key for signing messages cannot be opened; a new one is made"
                    );
                }
                let (key, kept) = SigningKey::make().map_err(|e| e.to_string())?;
                let text = serde_json::to_string(&kept).map_err(|e| e.to_string())?;
                let sealed =
                    self.credentials.seal(&text, SIGNING_KEY).map_err(|e| e.to_string())?;
                let change = Change::put(SECRETS, SIGNING_KEY, sealed);
                self.catalog.write(vec![change]).map_err(|e| e.to_string())?;
                key
            }
        };
        Ok(self.topics.key.get_or_init(|| Arc::new(key)).clone())
    }

    /// Returns the certificate of an id, in PEM, for whoever checks a signature.
    pub fn signing_certificate(&self, id: &str) -> Option<String> {
        let key = self
            .signing_key()
            .inspect_err(|error| tracing::error!(error, "no certificate"))
            .ok()?;
        (key.id() == id).then(|| key.certificate().to_owned())
    }

    /// Returns what goes to a subscription.
    pub(crate) fn call_of_subscription(
        &self,
        telling: &Arc<Telling>,
        arn: &str,
        notice: &Notice,
    ) -> Made {
        let (subscription, topic) = {
            let known = self.topics.known.read();
            let Some(subscription) = known.subscriptions.get(arn).cloned() else {
                return Made::Gone;
            };
            let Some(topic) = known.topics.get(&subscription.record.topic).cloned() else {
                return Made::Gone;
            };
            (subscription, topic)
        };
        let made = match subscription.record.protocol.as_str() {
            "http" | "https" => self.hook_call(telling, arn, &subscription, &topic, notice),
            "sqs" => self.queue_call(telling, arn, &subscription, &topic, notice),
            "email" => return self.mail_made(telling, arn, &subscription, notice),
            "email-json" => self.json_mail(telling, arn, &subscription, &topic, notice),
            other => Err(format!("protocol {other} is not served")),
        };
        made.unwrap_or_else(Made::Never)
    }

    pub(crate) fn policy_of_subscription(&self, arn: &str) -> RetryPolicy {
        let known = self.topics.known.read();
        let Some(subscription) = known.subscriptions.get(arn) else { return RetryPolicy::PATIENT };
        if !matches!(subscription.record.protocol.as_str(), "http" | "https") {
            return RetryPolicy::PATIENT;
        }
        let of_topic = || known.topics.get(&subscription.record.topic)?.retries.clone();
        subscription.retries.clone().or_else(of_topic).unwrap_or(RetryPolicy::PATIENT)
    }

    /// Has a call made of the signed message. The signature is made aside unless another receiver has
    /// got it already.
    fn signed(
        &self,
        telling: &Telling,
        arn: &str,
        subscription: &Subscription,
        version: SignatureVersion,
        notice: &Notice,
        call_of: impl FnOnce(String) -> Result<Call, String> + Send + 'static,
    ) -> Result<Made, String> {
        let message = message_of(telling, arn, subscription, notice);
        let key = self.signing_key()?;
        let cert_url =
            format!("{}/SimpleNotificationService-{}.pem", telling.external_url, key.id());
        let canonical = message.canonical();
        let signature = self.topics.signatures.of(&canonical, version);
        let is_made = signature.is_made();
        let make = move || {
            let signature = signature.get(&key, &canonical, version);
            call_of(message.with_signature(signature, version, &cert_url).to_string())
        };
        match is_made {
            true => make().map(Made::Call),
            false => Ok(Made::Signing(Box::new(make))),
        }
    }

    fn hook_call(
        &self,
        telling: &Telling,
        arn: &str,
        subscription: &Subscription,
        topic: &Topic,
        notice: &Notice,
    ) -> Result<Made, String> {
        let record = &subscription.record;
        let is_confirmation = matches!(notice.said, Said::Confirm(_));
        let is_raw = subscription.is_raw() && !is_confirmation;
        let kind = match is_confirmation {
            true => MessageType::SubscriptionConfirmation,
            false => MessageType::Notification,
        };
        let mut headers = vec![
            ("x-amz-sns-message-id".to_owned(), notice.message_id()),
            ("x-amz-sns-topic-arn".to_owned(), record.topic.clone()),
            ("x-amz-sns-message-type".into(), kind.text().into()),
        ];
        if !is_confirmation {
            headers.push(("x-amz-sns-subscription-arn".into(), arn.to_owned()));
        }
        if is_raw {
            headers.push(("x-amz-sns-rawdelivery".into(), "true".into()));
        }
        let content_type =
            subscription.content_type.as_ref().or(topic.content_type.as_ref()).cloned();
        headers.push((
            "content-type".into(),
            content_type.unwrap_or_else(|| "text/plain; charset=UTF-8".into()),
        ));
        let url = record.endpoint.clone();
        let call_of = move |body: String| {
            Ok(HttpCallParts { url: &url, headers, body, wait_ms: WAIT_MS }.call())
        };
        match is_raw {
            true => call_of(text_of(&record.protocol, notice)).map(Made::Call),
            false => {
                let version = topic.signature_version();
                self.signed(telling, arn, subscription, version, notice, call_of)
            }
        }
    }

    fn queue_call(
        &self,
        telling: &Arc<Telling>,
        arn: &str,
        subscription: &Subscription,
        topic: &Topic,
        notice: &Notice,
    ) -> Result<Made, String> {
        const NO_QUEUES: &str = "no server of queues is configured (--sqs-url)";
        let queues = telling.queues.as_ref().ok_or(NO_QUEUES)?;
        let endpoint = &subscription.record.endpoint;
        if subscription.is_raw() {
            let attributes = match &notice.said {
                Said::Message(message) => Some(&message.attributes),
                _ => None,
            };
            let call = queues.send(endpoint, &text_of("sqs", notice), attributes);
            return call.map(|call| Made::Call(Call::Http(call)));
        }
        let (telling_later, endpoint) = (telling.clone(), endpoint.clone());
        let call_of = move |body: String| {
            let queues = telling_later.queues.as_ref().ok_or(NO_QUEUES)?;
            queues.send(&endpoint, &body, None).map(Call::Http)
        };
        self.signed(telling, arn, subscription, topic.signature_version(), notice, call_of)
    }

    fn json_mail(
        &self,
        telling: &Arc<Telling>,
        arn: &str,
        subscription: &Subscription,
        topic: &Topic,
        notice: &Notice,
    ) -> Result<Made, String> {
        let mut mail = mail_of(telling, arn, subscription, notice);
        if matches!(notice.said, Said::Confirm(_)) {
            return mail_call(telling, &mail).map(Made::Call);
        }
        let telling_later = telling.clone();
        let call_of = move |body: String| {
            mail.paragraphs = vec![Paragraph::Text(body)];
            mail.is_plain = true;
            mail_call(&telling_later, &mail)
        };
        self.signed(telling, arn, subscription, topic.signature_version(), notice, call_of)
    }

    /// A mail with a picture is put together aside: drawing takes longer than a step may.
    fn mail_made(
        &self,
        telling: &Arc<Telling>,
        arn: &str,
        subscription: &Subscription,
        notice: &Notice,
    ) -> Made {
        let mut mail = mail_of(telling, arn, subscription, notice);
        let widget = match &notice.said {
            Said::Alarm(alarm) => alarm.widget.clone().map(|widget| (widget, alarm.picture_end_ms)),
            _ => None,
        };
        let (Some((widget, end_ms)), Some(pictures)) = (widget, telling.pictures.clone()) else {
            return match mail_call(telling, &mail) {
                Ok(call) => Made::Call(call),
                Err(why) => Made::Never(why),
            };
        };
        let (telling, scope) = (telling.clone(), notice.scope.clone());
        Made::Aside(Box::new(move || {
            match pictures.picture(&scope, &widget, end_ms) {
                Ok(png) => mail.picture = Some(png),
                Err(why) => {
                    tracing::warn!(why, "a mail goes out without its picture");
                    mail.paragraphs.retain(|p| *p != Paragraph::Picture);
                    mail.paragraphs.push(Paragraph::Text(format!("(There is no graph: {why})")));
                }
            }
            mail_call(&telling, &mail)
        }))
    }
}

/// Returns the text for a protocol.
fn text_of(protocol: &str, notice: &Notice) -> String {
    match &notice.said {
        Said::Alarm(alarm) => alarm.message.clone(),
        Said::Message(message) => {
            message.by_protocol.get(protocol).unwrap_or(&message.message).clone()
        }
        Said::Confirm(_) => String::new(),
    }
}

fn unsubscribe_url(telling: &Telling, arn: &str) -> String {
    format!("{}/-/sns/unsubscribe?SubscriptionArn={}", telling.external_url, escaped(arn))
}

fn message_of(
    telling: &Telling,
    arn: &str,
    subscription: &Subscription,
    notice: &Notice,
) -> SnsMessage {
    let record = &subscription.record;
    let message = SnsMessage {
        kind: MessageType::Notification,
        id: notice.message_id(),
        topic: record.topic.clone(),
        subject: None,
        message: text_of(&record.protocol, notice),
        at_ms: notice.at_ms,
        subscribe_url: None,
        token: None,
        unsubscribe_url: Some(unsubscribe_url(telling, arn)),
        attributes: BTreeMap::new(),
    };
    match &notice.said {
        Said::Alarm(alarm) => SnsMessage { subject: Some(alarm.subject.clone()), ..message },
        Said::Message(published) => SnsMessage {
            subject: published.subject.clone(),
            attributes: published.attributes.clone(),
            ..message
        },
        Said::Confirm(confirm) => SnsMessage {
            kind: MessageType::SubscriptionConfirmation,
            message: format!(
                "You have chosen to subscribe to the topic {}.\nTo confirm the subscription, visit the SubscribeURL included in this message.",
                confirm.topic
            ),
            subscribe_url: Some(subscribe_url(telling, &confirm.topic, &confirm.token)),
            token: Some(confirm.token.clone()),
            unsubscribe_url: None,
            ..message
        },
    }
}

fn subscribe_url(telling: &Telling, topic: &str, token: &str) -> String {
    format!(
        "{}/-/sns/confirm?TopicArn={}&Token={}",
        telling.external_url,
        escaped(topic),
        escaped(token)
    )
}

fn mail_call(telling: &Telling, mail: &Mail) -> Result<Call, String> {
    if telling.mail_from.is_none() {
        return Err("no server for mail is configured (--smtp-url)".into());
    }
    Ok(Call::Mail(MailCall {
        from: mail.from.clone(),
        to: mail.to.clone(),
        message: mail.formatted()?,
        wait_ms: MAIL_WAIT_MS,
    }))
}

fn time_of(at_ms: i64) -> String {
    let at = jiff::Timestamp::from_millisecond(at_ms).unwrap_or_default();
    at.strftime("%A, %d %B %Y, %H:%M:%S UTC").to_string()
}

fn mail_of(telling: &Telling, arn: &str, subscription: &Subscription, notice: &Notice) -> Mail {
    let record = &subscription.record;
    let mut mail = Mail {
        from: telling.mail_from.clone().unwrap_or_default(),
        to: record.endpoint.clone(),
        subject: SUBJECT.into(),
        id: notice.message_id(),
        at_ms: notice.at_ms,
        ..Mail::default()
    };
    match &notice.said {
        Said::Alarm(alarm) => {
            mail.subject.clone_from(&alarm.subject);
            mail.paragraphs = vec![
                Paragraph::Title(format!("{} is in state {}", alarm.alarm, alarm.state)),
                Paragraph::Text(alarm.reason.clone()),
                Paragraph::Picture,
                Paragraph::Detail("When", time_of(notice.at_ms)),
            ];
            if alarm.widget.is_none() || telling.pictures.is_none() {
                mail.paragraphs.retain(|p| *p != Paragraph::Picture);
            }
            if let Some(contributor) = &alarm.contributor {
                mail.paragraphs.push(Paragraph::Detail("Series", contributor.clone()));
            }
            mail.paragraphs.extend([
                Paragraph::Detail("Alarm", alarm.arn.clone()),
                Paragraph::Detail("Account", notice.scope.account.to_string()),
                Paragraph::Detail("Region", notice.scope.region.clone()),
            ]);
            mail.paragraphs
                .extend(alarm.link.clone().map(|link| Paragraph::Link("Look at the alarm", link)));
        }
        Said::Message(message) => {
            mail.subject = message.subject.clone().unwrap_or_else(|| SUBJECT.into());
            mail.paragraphs = vec![Paragraph::Text(text_of(&record.protocol, notice))];
            mail.is_plain = true;
        }
        Said::Confirm(confirm) => {
            mail.subject = "AWS Notification - Subscription Confirmation".into();
            mail.paragraphs = vec![
                Paragraph::Text(format!(
                    "Somebody wants to subscribe this address to the topic {}.",
                    confirm.topic
                )),
                Paragraph::Link(
                    "To confirm, visit",
                    subscribe_url(telling, &confirm.topic, &confirm.token),
                ),
                Paragraph::Text("If you did not expect this, do nothing.".into()),
            ];
            return mail;
        }
    }
    mail.paragraphs
        .push(Paragraph::Link("To stop these notifications, visit", unsubscribe_url(telling, arn)));
    mail
}

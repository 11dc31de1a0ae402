//! Who wants to hear of a topic.

use super::record::{SUBSCRIPTIONS, Subscription, SubscriptionRecord, TOPICS, TopicArn};
use super::{TopicError, TopicPage, attributes, bytes, invalid};
use crate::Platform;
use crate::access::Verb;
use crate::credentials::hex;
use bus::address::check_mail;
use bus::{ConfirmSaid, Notice, RetryPolicy, Said, uuid_of_random};
use catalog::Change;
use hmac::{Hmac, KeyInit as _, Mac as _};
use lang::filter_policy::Scope as FilterScope;
use model::{Principal, Scope};
use serde_json::json;
use sha2::Sha256;
use std::collections::BTreeMap;
use stdx::Rng;
use subtle::ConstantTimeEq as _;

/// More subscriptions in all are refused: they are held in memory.
const SUBSCRIPTIONS_MAX: usize = 200_000;
/// A question that nobody answered by then is void.
///
/// Source: SNS API reference, `ConfirmSubscription`.
const TOKEN_MS: i64 = 2 * 86_400_000;

/// A subscription that somebody wants.
#[derive(Debug, Clone, Default)]
pub struct WantedSubscription {
    /// The topic's ARN.
    pub topic: String,
    /// How it is told: `email`, `email-json`, `http`, `https` or `sqs`.
    pub protocol: String,
    /// Where.
    pub endpoint: String,
    /// Attributes, under the service's names.
    pub attributes: BTreeMap<String, String>,
}

/// A subscription, for lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionShown {
    /// Its ARN.
    pub arn: String,
    /// It said that it wants to be one.
    pub is_confirmed: bool,
    /// Account that made it.
    pub owner: String,
    /// How it is told.
    pub protocol: String,
    /// Where.
    pub endpoint: String,
    /// The topic's ARN.
    pub topic: String,
}

fn shown(arn: &str, record: &SubscriptionRecord) -> SubscriptionShown {
    SubscriptionShown {
        arn: arn.to_owned(),
        is_confirmed: record.is_confirmed,
        owner: record.owner.clone(),
        protocol: record.protocol.clone(),
        endpoint: record.endpoint.clone(),
        topic: record.topic.clone(),
    }
}

fn filter_scope(attributes: &BTreeMap<String, String>) -> FilterScope {
    match attributes.get("FilterPolicyScope").map(String::as_str) {
        Some("MessageBody") => FilterScope::Body,
        _ => FilterScope::Attributes,
    }
}

impl Platform {
    /// Makes a subscription, or returns the one of this endpoint when it is as asked for; its receiver
    /// is asked (again) whether it wants to be one. Returns its ARN, and whether it has said so.
    ///
    /// # Errors
    /// [`TopicError`].
    pub fn subscribe(
        &self,
        who: &Principal,
        scope: &Scope,
        wanted: &WantedSubscription,
    ) -> Result<(String, bool), TopicError> {
        self.topic_of(who, scope, &wanted.topic, "TopicArn", Verb::Write)?;
        self.check_endpoint(&wanted.protocol, &wanted.endpoint)?;
        let mut attributes = BTreeMap::new();
        for (name, value) in &wanted.attributes {
            let checked = attributes::of_subscription(
                name,
                value,
                &wanted.protocol,
                filter_scope(&wanted.attributes),
            );
            let checked = checked.map_err(|error| match error {
                // The service says it with more words here than where one attribute is set.
                TopicError::Invalid(text) => invalid(format!("Attributes Reason: {text}")),
                other => other,
            })?;
            attributes.extend(checked.map(|value| (name.clone(), value)));
        }
        let _changing = self.topics.changing.lock();
        let present = {
            let known = self.topics.known.read();
            if !known.topics.contains_key(&wanted.topic) {
                return Err(TopicError::NotFound("Topic"));
            }
            if known.subscriptions.len() >= SUBSCRIPTIONS_MAX {
                return Err(TopicError::TooManySubscriptions(known.subscriptions.len()));
            }
            let key = (wanted.topic.clone(), wanted.protocol.clone(), wanted.endpoint.clone());
            known.by_endpoint.get(&key).map(|arn| (arn.clone(), known.subscriptions[arn].clone()))
        };
        let (arn, mut record, mut changes) = match present {
            Some((_, found)) if found.record.attributes != attributes => {
                return Err(invalid(
                    "Attributes Reason: Subscription already exists with different attributes",
                ));
            }
            Some((arn, found)) => (arn, found.record.clone(), Vec::new()),
            None => {
                let arn = format!("{}:{}", wanted.topic, uuid_of_random(Rng::system_bytes()));
                let record = SubscriptionRecord {
                    topic: wanted.topic.clone(),
                    protocol: wanted.protocol.clone(),
                    endpoint: wanted.endpoint.clone(),
                    owner: scope.account.to_string(),
                    created_ms: 0,
                    // A queue is the account's own.
                    is_confirmed: wanted.protocol == "sqs",
                    needs_authentication: false,
                    attributes,
                };
                (arn, record, Vec::new())
            }
        };
        if record.is_confirmed && record.created_ms != 0 {
            return Ok((arn, true));
        }
        record.created_ms = self.clock.now_ms().max(1);
        let is_confirmed = record.is_confirmed;
        changes.push(Change::put(SUBSCRIPTIONS, arn.as_str(), bytes(&record)));
        if !is_confirmed {
            changes.extend(self.confirmation_changes(scope, &arn, &record)?);
        }
        let subscription = Subscription::of(record).map_err(invalid)?;
        self.catalog.write(changes)?;
        self.topics.known.write().put_subscription(&arn, subscription);
        self.wake_deliveries();
        Ok((arn, is_confirmed))
    }

    /// The question to a receiver goes the way of all that is told.
    fn confirmation_changes(
        &self,
        scope: &Scope,
        arn: &str,
        record: &SubscriptionRecord,
    ) -> Result<Vec<Change>, TopicError> {
        let tenant = self.tenant_of_topics(scope)?;
        let notice = Notice {
            key: format!("confirm/{arn}/{}", record.created_ms),
            tenant,
            scope: scope.clone(),
            at_ms: self.clock.now_ms(),
            target: arn.to_owned(),
            said: Said::Confirm(ConfirmSaid {
                topic: record.topic.clone(),
                token: self.token_of(arn, record),
            }),
        };
        Ok(self.fresh_notice_changes(&notice))
    }

    /// The token of a subscription: its id, and a proof that we said it. Nothing of it is kept.
    pub(super) fn token_of(&self, arn: &str, record: &SubscriptionRecord) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.page_secret).expect("any length is one");
        mac.update(format!("confirm subscription\n{arn}\n{}", record.created_ms).as_bytes());
        let id: String =
            arn.rsplit(':').next().unwrap_or_default().chars().filter(|c| *c != '-').collect();
        format!("{id}{}", hex(&mac.finalize().into_bytes()))
    }

    fn check_endpoint(&self, protocol: &str, endpoint: &str) -> Result<(), TopicError> {
        let telling = self.outbox.telling();
        match protocol {
            "http" | "https" => {
                if !endpoint.starts_with(&format!("{protocol}://")) {
                    return Err(invalid("Endpoint must match the specified protocol"));
                }
                let reach = telling.map_or(bus::address::Reach { loopback: false }, |t| t.reach);
                reach
                    .check_url(endpoint)
                    .map(drop)
                    .map_err(|why| invalid(format!("Endpoint Reason: {why}")))
            }
            "email" | "email-json" => {
                check_mail(endpoint).map_err(|why| invalid(format!("Email address Reason: {why}")))
            }
            "sqs" => {
                let parts: Vec<&str> = endpoint.split(':').collect();
                let ["arn", _, "sqs", region, account, name] = parts[..] else {
                    return Err(invalid("SQS endpoint ARN"));
                };
                let plain = |text: &str| {
                    !text.is_empty()
                        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
                };
                if !plain(region) || !plain(account) || !plain(name) {
                    return Err(invalid("SQS endpoint ARN"));
                }
                match telling.is_some_and(|t| t.queues.is_some()) {
                    true => Ok(()),
                    false => Err(invalid(
                        "Protocol Reason: sqs needs a server of queues, which the option --sqs-url names",
                    )),
                }
            }
            "sms" | "lambda" | "application" | "firehose" => Err(invalid(format!(
                "Protocol Reason: {protocol} is not supported; email, email-json, http, https and sqs are"
            ))),
            other => {
                Err(invalid(format!("Amazon SNS does not support this protocol string: {other}")))
            }
        }
    }

    /// A receiver says that it wants to be one. Returns the subscription's ARN.
    ///
    /// Whoever has the token may: it was sent to the receiver alone.
    ///
    /// # Errors
    /// [`TopicError`].
    pub fn confirm_subscription(
        &self,
        topic: &str,
        token: &str,
        needs_authentication: bool,
    ) -> Result<String, TopicError> {
        TopicArn::parse(topic).map_err(|why| invalid(format!("TopicArn Reason: {why}")))?;
        let bad_token = || invalid("Token");
        let _changing = self.topics.changing.lock();
        let (arn, mut record) = {
            let known = self.topics.known.read();
            if !known.topics.contains_key(topic) {
                return Err(TopicError::NotFound("Topic"));
            }
            let id = token
                .get(..32)
                .filter(|id| id.bytes().all(|b| b.is_ascii_hexdigit()))
                .ok_or_else(bad_token)?;
            let id = [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-");
            let arn = format!("{topic}:{id}");
            let found = known.subscriptions.get(&arn).ok_or_else(bad_token)?;
            (arn, found.record.clone())
        };
        let expected = self.token_of(&arn, &record);
        let is_same: bool = expected.as_bytes().ct_eq(token.as_bytes()).into();
        if !is_same || self.clock.now_ms() - record.created_ms > TOKEN_MS {
            return Err(bad_token());
        }
        if !record.is_confirmed {
            record.is_confirmed = true;
            record.needs_authentication = needs_authentication;
            self.put_subscription(&arn, record)?;
        }
        Ok(arn)
    }

    /// Removes subscriptions whose receivers did not answer: their tokens are void.
    pub(crate) fn forget_unconfirmed(&self, now_ms: i64) -> Result<(), catalog::CatalogError> {
        let _changing = self.topics.changing.lock();
        let is_void = |record: &SubscriptionRecord| {
            !record.is_confirmed && now_ms - record.created_ms > TOKEN_MS + 86_400_000
        };
        let void: Vec<String> = {
            let known = self.topics.known.read();
            let void = known.subscriptions.iter().filter(|(_, s)| is_void(&s.record));
            void.map(|(arn, _)| arn.clone()).collect()
        };
        if !void.is_empty() {
            let changes = void.iter().map(|arn| Change::remove(SUBSCRIPTIONS, arn.as_str()));
            self.catalog.write(changes.collect())?;
            let mut known = self.topics.known.write();
            void.iter().for_each(|arn| known.remove_subscription(arn));
        }
        Ok(())
    }

    fn put_subscription(&self, arn: &str, record: SubscriptionRecord) -> Result<(), TopicError> {
        let subscription = Subscription::of(record).map_err(invalid)?;
        self.catalog.write(vec![Change::put(SUBSCRIPTIONS, arn, bytes(&subscription.record))])?;
        self.topics.known.write().put_subscription(arn, subscription);
        Ok(())
    }

    /// Ends a subscription, for `who`, or for somebody who has the link of a message (`None`). One that
    /// is not there is ended already.
    ///
    /// # Errors
    /// [`TopicError`].
    pub fn unsubscribe(
        &self,
        who: Option<(&Principal, &Scope)>,
        arn: &str,
    ) -> Result<(), TopicError> {
        match who {
            Some((who, scope)) => self.subscription_arn(who, scope, arn, Verb::Write)?,
            None => {
                let known = self.topics.known.read();
                let found =
                    known.subscriptions.get(arn).ok_or(TopicError::NotFound("Subscription"))?;
                if found.record.needs_authentication {
                    return Err(TopicError::Elsewhere);
                }
            }
        }
        let _changing = self.topics.changing.lock();
        let topic = {
            let known = self.topics.known.read();
            match known.subscriptions.get(arn) {
                Some(found) => found.record.topic.clone(),
                None => return Ok(()),
            }
        };
        let mut changes = vec![Change::remove(SUBSCRIPTIONS, arn)];
        let mut record = self.topic_record(&topic)?;
        record.deleted += 1;
        changes.push(Change::put(TOPICS, topic.as_str(), bytes(&record)));
        self.catalog.write(changes)?;
        let mut known = self.topics.known.write();
        known.remove_subscription(arn);
        if let Some(topic) = known.topics.get_mut(&topic) {
            topic.record = record;
        }
        Ok(())
    }

    fn subscription_arn(
        &self,
        who: &Principal,
        scope: &Scope,
        arn: &str,
        verb: Verb,
    ) -> Result<(), TopicError> {
        let parsed = self.topic_of(who, scope, arn, "SubscriptionArn", verb)?;
        match parsed.subscription {
            Some(_) => Ok(()),
            None => Err(invalid("SubscriptionArn Reason: it is the ARN of a topic")),
        }
    }

    /// Returns a page of subscriptions, of one topic or of all, sorted by ARN, behind `after`.
    ///
    /// # Errors
    /// [`TopicError`].
    pub fn list_subscriptions(
        &self,
        who: &Principal,
        scope: &Scope,
        topic: Option<&str>,
        after: Option<&str>,
        max: usize,
    ) -> Result<TopicPage<SubscriptionShown>, TopicError> {
        let prefix = match topic {
            Some(topic) => {
                self.topic_of(who, scope, topic, "TopicArn", Verb::Read)?;
                self.topic_record(topic)?;
                format!("{topic}:")
            }
            None => {
                self.check(who, scope, Verb::Read)?;
                super::topic_arn(scope, "")
            }
        };
        let known = self.topics.known.read();
        let from = after.map_or_else(|| prefix.clone(), |after| format!("{after}\0"));
        let mut items: Vec<SubscriptionShown> = known
            .subscriptions
            .range(from..)
            .take_while(|(arn, _)| arn.starts_with(&prefix))
            .take(max + 1)
            .map(|(arn, subscription)| shown(arn, &subscription.record))
            .collect();
        let next = (items.len() > max).then(|| items[max - 1].arn.clone());
        items.truncate(max);
        Ok(TopicPage { items, next })
    }

    /// Returns all attributes of a subscription.
    ///
    /// # Errors
    /// [`TopicError`].
    pub fn subscription_attributes(
        &self,
        who: &Principal,
        scope: &Scope,
        arn: &str,
    ) -> Result<BTreeMap<String, String>, TopicError> {
        self.subscription_arn(who, scope, arn, Verb::Read)?;
        let known = self.topics.known.read();
        let found = known.subscriptions.get(arn).ok_or(TopicError::NotFound("Subscription"))?;
        let record = &found.record;
        let mut all = record.attributes.clone();
        let mut put = |name: &str, value: String| {
            all.entry(name.to_owned()).or_insert(value);
        };
        put("SubscriptionArn", arn.to_owned());
        put("TopicArn", record.topic.clone());
        put("Owner", record.owner.clone());
        put("Protocol", record.protocol.clone());
        put("Endpoint", record.endpoint.clone());
        put("PendingConfirmation", (!record.is_confirmed).to_string());
        // A queue needs no token; other receivers are confirmed by whoever has theirs.
        put(
            "ConfirmationWasAuthenticated",
            (record.protocol == "sqs" || record.needs_authentication).to_string(),
        );
        put("RawMessageDelivery", "false".into());
        put("SubscriptionPrincipal", who.arn());
        if record.attributes.contains_key("FilterPolicy") {
            put("FilterPolicyScope", "MessageAttributes".into());
        }
        if matches!(record.protocol.as_str(), "http" | "https") {
            let of_topic = known.topics.get(&record.topic).and_then(|t| t.retries.clone());
            let retries = found.retries.clone().or(of_topic).unwrap_or(RetryPolicy::PATIENT);
            put(
                "EffectiveDeliveryPolicy",
                json!({ "healthyRetryPolicy": retries.to_json() }).to_string(),
            );
        }
        Ok(all)
    }

    /// Sets an attribute of a subscription.
    ///
    /// # Errors
    /// [`TopicError`].
    pub fn set_subscription_attribute(
        &self,
        who: &Principal,
        scope: &Scope,
        arn: &str,
        name: &str,
        value: &str,
    ) -> Result<(), TopicError> {
        self.subscription_arn(who, scope, arn, Verb::Write)?;
        let _changing = self.topics.changing.lock();
        let mut record = {
            let known = self.topics.known.read();
            let found = known.subscriptions.get(arn).ok_or(TopicError::NotFound("Subscription"))?;
            found.record.clone()
        };
        let filter_scope = filter_scope(&record.attributes);
        match attributes::of_subscription(name, value, &record.protocol, filter_scope)? {
            Some(value) => record.attributes.insert(name.to_owned(), value),
            None => record.attributes.remove(name),
        };
        // A policy that was fit for bodies may not be for attributes.
        if let Err(error) = Subscription::of(record.clone()) {
            return Err(invalid(format!("{name}: {error}")));
        }
        self.put_subscription(arn, record)
    }
}

//! Topics and who has subscribed to them: SNS's nouns, each verb once.
//!
//! They are held in memory and written to the catalog first. What is published goes through the outbox.

mod attributes;
mod call;
mod metrics;
mod publish;
mod record;
mod signatures;
mod subscriptions;
#[cfg(test)]
mod tests;

pub(crate) use call::escaped;

pub use publish::Published;
pub use subscriptions::{SubscriptionShown, WantedSubscription};

use crate::access::{AccessError, Verb};
use crate::{Platform, ScopeError};
use catalog::{Catalog, CatalogError, Change};
use model::{Principal, Scope};
use parking_lot::{Mutex, RwLock};
use record::{
    SUBSCRIPTIONS, Subscription, TOPICS, Topic, TopicArn, TopicRecord, is_topic_name, topic_arn,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, OnceLock};

/// More topics of an account and region are refused.
const TOPICS_MAX: usize = 100_000;

/// Why something was not done with a topic or a subscription. Texts are the service's.
#[derive(Debug, thiserror::Error)]
pub enum TopicError {
    /// A parameter cannot be so.
    #[error("Invalid parameter: {0}")]
    Invalid(String),
    /// A value within a parameter cannot be so.
    #[error("{0}")]
    InvalidValue(String),
    /// There is no such topic or subscription.
    #[error("{0} does not exist")]
    NotFound(&'static str),
    /// There is nothing of this ARN that could have tags.
    #[error("Resource does not exist")]
    NoResource,
    /// A resource has fifty tags at most.
    #[error("Could not complete request: tag quota of per resource exceeded")]
    TooManyTags,
    /// There are as many topics as there may be.
    #[error("there are {0} topics already")]
    TooManyTopics(usize),
    /// There are as many subscriptions as there may be.
    #[error("there are {0} subscriptions already")]
    TooManySubscriptions(usize),
    /// The topic is another account's.
    #[error("the topic belongs to another account")]
    Elsewhere,
    /// Whoever asked may not.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The account and region cannot be had.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// It was not kept.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
}

pub(crate) fn invalid(text: impl Into<String>) -> TopicError {
    TopicError::Invalid(text.into())
}

#[derive(Debug, Default)]
struct Known {
    topics: BTreeMap<String, Topic>,
    subscriptions: BTreeMap<String, Arc<Subscription>>,
    /// Subscriptions of each topic.
    of_topic: BTreeMap<String, BTreeSet<String>>,
    /// Subscriptions by topic, protocol and endpoint.
    by_endpoint: BTreeMap<(String, String, String), String>,
}

impl Known {
    fn put_subscription(&mut self, arn: &str, subscription: Subscription) {
        let record = &subscription.record;
        let endpoint = (record.topic.clone(), record.protocol.clone(), record.endpoint.clone());
        self.of_topic.entry(record.topic.clone()).or_default().insert(arn.to_owned());
        self.by_endpoint.insert(endpoint, arn.to_owned());
        self.subscriptions.insert(arn.to_owned(), Arc::new(subscription));
    }

    fn remove_subscription(&mut self, arn: &str) {
        let Some(gone) = self.subscriptions.remove(arn) else { return };
        let record = &gone.record;
        self.by_endpoint.remove(&(
            record.topic.clone(),
            record.protocol.clone(),
            record.endpoint.clone(),
        ));
        if let Some(of_topic) = self.of_topic.get_mut(&record.topic) {
            of_topic.remove(arn);
        }
    }
}

/// All topics and subscriptions.
#[derive(Debug, Default)]
pub(crate) struct Topics {
    known: RwLock<Known>,
    /// Held while anything is changed.
    changing: Mutex<()>,
    key: OnceLock<Arc<bus::SigningKey>>,
    making_key: Mutex<()>,
    signatures: signatures::Signatures,
    metrics: metrics::Counts,
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicPage<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Behind what the next one begins, when there is one.
    pub next: Option<String>,
}

impl Topics {
    pub(crate) fn load(catalog: &dyn Catalog) -> Result<Self, CatalogError> {
        let damaged = |key: &str, why: String| CatalogError::Storage {
            what: "topic or subscription cannot be read",
            why: format!(
                "{key}: {why}; bring the catalog back from a backup (`sightline restore`)"
            ),
        };
        let mut known = Known::default();
        for (arn, value) in catalog.scan(TOPICS, "")? {
            let record =
                serde_json::from_slice(&value).map_err(|e| damaged(&arn, e.to_string()))?;
            let topic = Topic::of(record).map_err(|e| damaged(&arn, e))?;
            known.topics.insert(arn, topic);
        }
        for (arn, value) in catalog.scan(SUBSCRIPTIONS, "")? {
            let record =
                serde_json::from_slice(&value).map_err(|e| damaged(&arn, e.to_string()))?;
            let subscription = Subscription::of(record).map_err(|e| damaged(&arn, e))?;
            known.put_subscription(&arn, subscription);
        }
        Ok(Self { known: RwLock::new(known), ..Self::default() })
    }

    /// Forgets all; the catalog first.
    pub(crate) fn clear(&self, catalog: &dyn Catalog) -> Result<(), CatalogError> {
        let _changing = self.changing.lock();
        let mut changes = Vec::new();
        for table in [TOPICS, SUBSCRIPTIONS] {
            let entries = catalog.scan(table, "")?;
            changes.extend(entries.into_iter().map(|(key, _)| Change::remove(table, key)));
        }
        catalog.write(changes)?;
        *self.known.write() = Known::default();
        Ok(())
    }
}

/// Says whether an entry is of the form of its table; `None` for tables of others.
pub(crate) fn is_sound(table: &str, value: &[u8]) -> Option<bool> {
    match table {
        TOPICS => {
            Some(serde_json::from_slice::<TopicRecord>(value).is_ok_and(|r| Topic::of(r).is_ok()))
        }
        SUBSCRIPTIONS => {
            let record = serde_json::from_slice::<record::SubscriptionRecord>(value);
            Some(record.is_ok_and(|r| Subscription::of(r).is_ok()))
        }
        _ => None,
    }
}

fn bytes(record: &impl serde::Serialize) -> Vec<u8> {
    serde_json::to_vec(record).expect("texts and numbers are JSON")
}

impl Platform {
    /// Takes a topic's ARN apart and checks that somebody may do something to it.
    fn topic_of(
        &self,
        who: &Principal,
        scope: &Scope,
        arn: &str,
        what: &str,
        verb: Verb,
    ) -> Result<TopicArn, TopicError> {
        let parsed =
            TopicArn::parse(arn).map_err(|why| invalid(format!("{what} Reason: {why}")))?;
        if parsed.scope.region != scope.region {
            return Err(invalid(what));
        }
        if parsed.scope.account != scope.account {
            return Err(TopicError::Elsewhere);
        }
        self.check(who, &parsed.scope, verb)?;
        Ok(parsed)
    }

    /// Makes a topic, or returns the one of this name when it is as asked for.
    ///
    /// # Errors
    /// [`TopicError::Invalid`] when there is one that is not.
    pub fn create_topic(
        &self,
        who: &Principal,
        scope: &Scope,
        name: &str,
        given: &BTreeMap<String, String>,
        tags: &BTreeMap<String, String>,
    ) -> Result<String, TopicError> {
        self.check(who, scope, Verb::Write)?;
        if name.ends_with(".fifo") || given.get("FifoTopic").is_some_and(|v| v == "true") {
            return Err(invalid("Attributes Reason: FifoTopic: FIFO topics are not supported"));
        }
        if !is_topic_name(name) {
            return Err(invalid("Topic Name"));
        }
        attributes::check_tags(tags)?;
        let mut wanted = BTreeMap::new();
        for (name, value) in given {
            if let Some(value) = attributes::of_topic(name, value)? {
                wanted.insert(name.clone(), value);
            }
        }
        let arn = topic_arn(scope, name);
        let _changing = self.topics.changing.lock();
        {
            let known = self.topics.known.read();
            if let Some(topic) = known.topics.get(&arn) {
                let same = wanted
                    .iter()
                    .all(|(name, value)| topic.record.attributes.get(name) == Some(value));
                if !same {
                    return Err(invalid(
                        "Attributes Reason: Topic already exists with different attributes",
                    ));
                }
                if !tags.is_empty() && *tags != topic.record.tags {
                    return Err(invalid("Tags Reason: Topic already exists with different tags"));
                }
                return Ok(arn);
            }
            let prefix = topic_arn(scope, "");
            let count = known
                .topics
                .range(prefix.clone()..)
                .take_while(|(a, _)| a.starts_with(&prefix))
                .count();
            if count >= TOPICS_MAX {
                return Err(TopicError::TooManyTopics(count));
            }
        }
        let record = TopicRecord { attributes: wanted, tags: tags.clone(), deleted: 0 };
        self.put_topic(&arn, record)?;
        Ok(arn)
    }

    /// Keeps a topic; the lock for changes is held.
    fn put_topic(&self, arn: &str, record: TopicRecord) -> Result<(), TopicError> {
        let topic = Topic::of(record).map_err(invalid)?;
        self.catalog.write(vec![Change::put(TOPICS, arn, bytes(&topic.record))])?;
        self.topics.known.write().topics.insert(arn.to_owned(), topic);
        Ok(())
    }

    fn topic_record(&self, arn: &str) -> Result<TopicRecord, TopicError> {
        let known = self.topics.known.read();
        known.topics.get(arn).map(|t| t.record.clone()).ok_or(TopicError::NotFound("Topic"))
    }

    /// Deletes a topic and its subscriptions. One that is not there is deleted already.
    ///
    /// # Errors
    /// [`TopicError`].
    pub fn delete_topic(
        &self,
        who: &Principal,
        scope: &Scope,
        arn: &str,
    ) -> Result<(), TopicError> {
        self.topic_of(who, scope, arn, "TopicArn", Verb::Write)?;
        let _changing = self.topics.changing.lock();
        let gone: Vec<String> = {
            let known = self.topics.known.read();
            known.of_topic.get(arn).into_iter().flatten().cloned().collect()
        };
        let mut changes = vec![Change::remove(TOPICS, arn)];
        changes.extend(
            gone.iter().map(|subscription| Change::remove(SUBSCRIPTIONS, subscription.as_str())),
        );
        self.catalog.write(changes)?;
        let mut known = self.topics.known.write();
        for subscription in &gone {
            known.remove_subscription(subscription);
        }
        known.topics.remove(arn);
        known.of_topic.remove(arn);
        Ok(())
    }

    /// Returns a page of the ARNs of topics, sorted, behind `after`.
    ///
    /// # Errors
    /// [`TopicError::Access`].
    pub fn list_topics(
        &self,
        who: &Principal,
        scope: &Scope,
        after: Option<&str>,
        max: usize,
    ) -> Result<TopicPage<String>, TopicError> {
        self.check(who, scope, Verb::Read)?;
        let prefix = topic_arn(scope, "");
        let known = self.topics.known.read();
        let from = after.map_or_else(|| prefix.clone(), |after| format!("{after}\0"));
        let mut items: Vec<String> = known
            .topics
            .range(from..)
            .map(|(arn, _)| arn.clone())
            .take_while(|arn| arn.starts_with(&prefix))
            .take(max + 1)
            .collect();
        let next = (items.len() > max).then(|| items[max - 1].clone());
        items.truncate(max);
        Ok(TopicPage { items, next })
    }

    /// Returns all attributes of a topic, also those that it has without having been told.
    ///
    /// # Errors
    /// [`TopicError`].
    pub fn topic_attributes(
        &self,
        who: &Principal,
        scope: &Scope,
        arn: &str,
    ) -> Result<BTreeMap<String, String>, TopicError> {
        self.topic_of(who, scope, arn, "TopicArn", Verb::Read)?;
        let known = self.topics.known.read();
        let topic = known.topics.get(arn).ok_or(TopicError::NotFound("Topic"))?;
        let of_topic = known.of_topic.get(arn);
        let subscriptions =
            || of_topic.into_iter().flatten().filter_map(|s| known.subscriptions.get(s));
        let confirmed = subscriptions().filter(|s| s.record.is_confirmed).count();
        let pending = subscriptions().count() - confirmed;
        let mut shown = topic.record.attributes.clone();
        let mut put = |name: &str, value: String| {
            shown.entry(name.to_owned()).or_insert(value);
        };
        put("TopicArn", arn.to_owned());
        put("Owner", scope.account.to_string());
        put("DisplayName", String::new());
        put("Policy", attributes::default_policy(arn, scope));
        put("SubscriptionsConfirmed", confirmed.to_string());
        put("SubscriptionsPending", pending.to_string());
        put("SubscriptionsDeleted", topic.record.deleted.to_string());
        let retries = topic.retries.clone().unwrap_or(bus::RetryPolicy::PATIENT);
        let effective = json!({ "http": {
            "defaultHealthyRetryPolicy": retries.to_json(),
            "disableSubscriptionOverrides": false,
            "defaultRequestPolicy": { "headerContentType": "text/plain; charset=UTF-8" }
        } });
        put("EffectiveDeliveryPolicy", effective.to_string());
        Ok(shown)
    }

    /// Sets an attribute of a topic.
    ///
    /// # Errors
    /// [`TopicError`].
    pub fn set_topic_attribute(
        &self,
        who: &Principal,
        scope: &Scope,
        arn: &str,
        name: &str,
        value: &str,
    ) -> Result<(), TopicError> {
        self.topic_of(who, scope, arn, "TopicArn", Verb::Write)?;
        let _changing = self.topics.changing.lock();
        let mut record = self.topic_record(arn)?;
        match attributes::of_topic(name, value)? {
            Some(value) => record.attributes.insert(name.to_owned(), value),
            None => record.attributes.remove(name),
        };
        self.put_topic(arn, record)
    }

    /// Returns the tags of a topic.
    ///
    /// # Errors
    /// [`TopicError`].
    pub fn topic_tags(
        &self,
        who: &Principal,
        scope: &Scope,
        arn: &str,
    ) -> Result<BTreeMap<String, String>, TopicError> {
        self.topic_of(who, scope, arn, "ResourceArn", Verb::Read)?;
        self.topic_record(arn).map(|record| record.tags).map_err(|_| TopicError::NoResource)
    }

    /// Adds tags to a topic and takes others away.
    ///
    /// # Errors
    /// [`TopicError`].
    pub fn tag_topic(
        &self,
        who: &Principal,
        scope: &Scope,
        arn: &str,
        put: &BTreeMap<String, String>,
        remove: &[String],
    ) -> Result<(), TopicError> {
        self.topic_of(who, scope, arn, "ResourceArn", Verb::Write)?;
        let _changing = self.topics.changing.lock();
        let mut record = self.topic_record(arn).map_err(|_| TopicError::NoResource)?;
        record.tags.retain(|name, _| !remove.contains(name));
        record.tags.extend(put.clone());
        attributes::check_tags(&record.tags)?;
        self.put_topic(arn, record)
    }
}

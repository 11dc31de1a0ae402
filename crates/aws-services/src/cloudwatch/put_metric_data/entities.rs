//! Entities: what metrics belong to, as their sender tells.

use crate::fault;
use aws_shapes::cloudwatch::{entity as field, entity_metric_data, put_metric_data_input as input};
use aws_wire::{ServiceError, Struct, Value, validate};
use platform::Entity;
use std::borrow::Cow;

/// Source: CloudWatch API reference, `Entity`, field `KeyAttributes`.
const KEY_NAMES: [&str; 5] = ["Type", "ResourceType", "Identifier", "Name", "Environment"];

/// Takes out entities that are not sound, so that their metrics are kept without; with
/// `StrictEntityValidation` they fail the request instead.
///
/// # Errors
/// Names the first entity that is not sound.
pub(super) fn drop_unsound(asked: &mut Struct<'_>) -> Result<(), ServiceError> {
    let strict = asked.bool(input::STRICT_ENTITY_VALIDATION) == Some(true);
    let mut blocks = asked.take(input::ENTITY_METRIC_DATA);
    if let Value::List(blocks) = &mut blocks {
        for (at, block) in (1..).zip(blocks) {
            let Value::Struct(block) = block else { continue };
            let Some(entity) = block.nested(entity_metric_data::ENTITY) else { continue };
            let Err(why) = check(entity) else { continue };
            if strict {
                return Err(fault::invalid_value(format!(
                    "The value for parameter EntityMetricData.member.{at}.Entity is invalid: {why}"
                )));
            }
            block.set(entity_metric_data::ENTITY, Value::Null);
        }
    }
    asked.set(input::ENTITY_METRIC_DATA, blocks);
    Ok(())
}

fn check(entity: &Struct<'_>) -> Result<(), String> {
    validate::check(entity)?;
    let keys = entity.map(field::KEY_ATTRIBUTES);
    if keys.is_empty() {
        return Err("KeyAttributes must not be empty".into());
    }
    match keys.iter().find(|(name, _)| !KEY_NAMES.contains(&&**name)) {
        Some((name, _)) => {
            Err(format!("KeyAttributes must not have {name}; it may have {}", KEY_NAMES.join(", ")))
        }
        None => Ok(()),
    }
}

/// Returns an entity that was found sound.
pub(super) fn of(entity: &Struct<'_>) -> Entity {
    let texts = |entries: &[(Cow<'_, str>, Value<'_>)]| {
        let text = |value: &Value<'_>| value.as_str().unwrap_or_default().to_owned();
        entries.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
    };
    Entity {
        key_attributes: texts(entity.map(field::KEY_ATTRIBUTES)),
        attributes: texts(entity.map(field::ATTRIBUTES)),
    }
}

//! `PutMetricData`: everything in a request is checked, then all of it is kept or nothing.

mod datum;
mod entities;

use super::sorted_dimensions;
use crate::caller::Caller;
use crate::{Done, Services, fault};
use aws_shapes::cloudwatch::{entity_metric_data, metric_datum, put_metric_data_input as input};
use aws_wire::{Request, ServiceError, Struct, Value, validate};
use datum::{Amount, Place, Point, Problems};
use model::{Kind, SeriesKey, TenantId};
use platform::{
    Batch, EntityOfSeries, Ingest, OverBudget, Platform, Sent, SentUse, TimeLimits, WriteError,
};
use std::sync::{Arc, Mutex, PoisonError};
use stdx::varint;

/// Source: CloudWatch API reference, `PutMetricData`; plain and entity data count together.
const DATUMS_MAX: usize = 1_000;
/// Source: CloudWatch API reference, `PutMetricData`, field `EntityMetricData`.
const ENTITIES_MAX: usize = 2;
/// How often points are sent again when the registry is renewed under them. Renewals are minutes
/// apart, so that two in a row mean something else is wrong.
const TRIES: usize = 4;
/// First byte of this door's raw keys: theirs is a form of its own among all doors'.
const RAW_KEY_FORM: u8 = 0xc1;

pub(crate) fn handle(services: &Services, caller: &Caller, request: &Request, done: Done) {
    let platform = &services.platform;
    let sound = request.decode().and_then(|mut asked| {
        entities::drop_unsound(&mut asked)?;
        validate::check(&asked).map_err(ServiceError::validation)?;
        Ok((begin(platform, caller)?, asked))
    });
    let (ingest, asked) = match sound {
        Ok(sound) => sound,
        Err(error) => return done(Err(error)),
    };
    match read(&asked, &ingest, platform.clock().now_ms()) {
        Ok(put) => {
            let (tenant, bytes) = (ingest.tenant, request.body_len() as u64);
            let kept = send(platform, caller, ingest, &put, done);
            let points = put.points.len() as u64;
            let (points, refused) = if kept { (points, 0) } else { (0, points) };
            let sent = SentUse { requests: 1, points, refused, bytes };
            let who = &caller.who;
            platform.note_sent(&Sent { who, tenant, door: "aws", namespace: put.namespace, sent });
        }
        Err(error) => done(Err(error)),
    }
}

fn begin(platform: &Platform, caller: &Caller) -> Result<Ingest, ServiceError> {
    platform
        .begin_ingest(&caller.who, &caller.scope, TimeLimits::CloudWatch)
        .map_err(|error| fault::of_ingest(&error))
}

/// A request that was found sound.
struct Put<'r> {
    namespace: &'r str,
    points: Vec<Point<'r>>,
    entities: Vec<EntityOfSeries>,
}

/// Checks what the model cannot express.
fn read<'r>(asked: &'r Struct<'_>, ingest: &Ingest, now_ms: i64) -> Result<Put<'r>, ServiceError> {
    let namespace = asked.str(input::NAMESPACE).unwrap_or_default();
    if namespace.trim().is_empty() {
        let text = format!("The value {namespace} for parameter Namespace is invalid.");
        return Err(fault::invalid_value(text));
    }
    let plain = asked.list(input::METRIC_DATA);
    let blocks = asked.list(input::ENTITY_METRIC_DATA);
    if blocks.len() > ENTITIES_MAX {
        return Err(datum::too_many("EntityMetricData", ENTITIES_MAX));
    }
    let of_entities = |block: &Value<'_>| {
        block.as_struct().map_or(0, |block| block.list(entity_metric_data::METRIC_DATA).len())
    };
    let count = plain.len() + blocks.iter().map(of_entities).sum::<usize>();
    if count == 0 {
        return Err(fault::missing("The parameter MetricData is required."));
    }
    if count > DATUMS_MAX {
        return Err(datum::too_many("MetricData", DATUMS_MAX));
    }

    let mut put = Put { namespace, points: Vec::with_capacity(count), entities: Vec::new() };
    let mut problems = Problems::default();
    let times = datum::Times { allowed: ingest.times, now_ms };
    for (at, one) in (1..).zip(plain.iter().filter_map(Value::as_struct)) {
        let place = Place { entity: None, datum: at };
        put.points.extend(datum::read(one, place, times, &mut problems));
    }
    for (number, block) in (1..).zip(blocks.iter().filter_map(Value::as_struct)) {
        let entity = block.nested(entity_metric_data::ENTITY).map(entities::of);
        for (at, one) in (1..).zip(block.structs(entity_metric_data::METRIC_DATA)) {
            let place = Place { entity: Some(number), datum: at };
            let Some(point) = datum::read(one, place, times, &mut problems) else { continue };
            if let Some(entity) = &entity {
                put.entities.push(EntityOfSeries {
                    namespace: namespace.to_owned(),
                    name: point.name.to_owned(),
                    dimensions: sorted_dimensions(one.list(metric_datum::DIMENSIONS))
                        .unwrap_or_default(),
                    entity: entity.clone(),
                });
            }
            put.points.push(point);
        }
    }
    problems.into_result().map(|()| put)
}

/// Hands the points to the store; `done` is called when they are durable, or when they are not
/// kept. Says whether the store took them.
fn send(platform: &Platform, caller: &Caller, first: Ingest, put: &Put<'_>, done: Done) -> bool {
    // Before the points: told again it costs nothing, and an entity whose points failed says
    // nothing wrong, while points that were kept must not answer with an error.
    if let Err(error) = platform.put_entities(first.tenant, &put.entities) {
        done(Err(fault::of_describe(&error)));
        return false;
    }
    let done = Once::new(done);
    let mut ingest = Ok(first);
    for _ in 0..TRIES {
        let Ingest { tenant, mut batch, .. } = match ingest {
            Ok(ingest) => ingest,
            Err(error) => {
                done.call(Err(error));
                return false;
            }
        };
        if let Err(full) = fill(&mut batch, tenant, put) {
            done.call(Err(fault::of_full(&full)));
            return false;
        }
        let later = done.clone();
        let sent = platform.submit(batch, move |result| match result {
            Ok(()) => later.call(Ok(None)),
            Err(error) => later.call(Err(fault::of_write(&error))),
        });
        match sent {
            Ok(()) => return true,
            Err(WriteError::Stale) => ingest = begin(platform, caller),
            Err(error) => {
                done.call(Err(fault::of_write(&error)));
                return false;
            }
        }
    }
    done.call(Err(fault::of_write(&WriteError::Stale)));
    false
}

/// Nothing of a batch goes anywhere when a new series of it has no room.
fn fill(batch: &mut Batch, tenant: TenantId, put: &Put<'_>) -> Result<(), OverBudget> {
    let mut raw = Vec::with_capacity(256);
    raw.push(RAW_KEY_FORM);
    raw.extend_from_slice(&tenant.0.to_le_bytes());
    varint::put_bytes(&mut raw, put.namespace.as_bytes());
    let common = raw.len();
    for point in &put.points {
        raw.truncate(common);
        varint::put_bytes(&mut raw, point.name.as_bytes());
        raw.push(point.unit as u8);
        for (name, value) in super::pairs(point.dimensions) {
            varint::put_bytes(&mut raw, name.as_bytes());
            varint::put_bytes(&mut raw, value.as_bytes());
        }
        let raw_hash = batch.raw_hash(&raw);
        let register = || {
            let labels = sorted_dimensions(point.dimensions)
                .expect("a name that is there twice was refused");
            let key = SeriesKey {
                tenant,
                namespace: put.namespace.to_owned(),
                name: point.name.to_owned(),
                unit: point.unit,
                labels,
            };
            batch.register(Some(raw_hash), &key, Kind::Delta)
        };
        let series = batch.find(raw_hash).map_or_else(register, Ok)?;
        match &point.amount {
            Amount::Single(value) => batch.single(series, point.at_ms, *value),
            // Copied because the registry may be renewed, and then all is filled in again.
            Amount::Many(delta) => batch.delta(series, point.at_ms, delta.as_ref().clone()),
        }
    }
    Ok(())
}

/// A callback for the one of several attempts that comes to an end.
#[derive(Clone)]
struct Once(Arc<Mutex<Option<Done>>>);

impl Once {
    fn new(done: Done) -> Self {
        Self(Arc::new(Mutex::new(Some(done))))
    }

    fn call(&self, answer: crate::Answer) {
        let done = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(done) = done {
            done(answer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Principal, Scope, TimeRange};
    use platform::{AuthMode, MetricFilter, PlatformOptions, StoreOptions};
    use std::time::Duration;
    use stdx::{Clock, CrashPlan, SimDisk, VirtualClock};

    #[test]
    fn points_are_sent_again_when_the_registry_is_renewed_under_them() {
        let scope = Scope { account: "123456789012".parse().unwrap(), region: "here".into() };
        let options = PlatformOptions {
            data_dir: "/data".into(),
            default_scope: scope.clone(),
            sync: storage::SyncMode::Always,
            auth: AuthMode::Open,
            key_file: None,
            store: StoreOptions::default(),
            questions: Default::default(),
        };
        let clock = Arc::new(VirtualClock::starting_at(1_700_000_000_000));
        let disk = Arc::new(SimDisk::new(1, CrashPlan::default()));
        let platform = Platform::open(&options, clock.clone(), disk).unwrap();
        let caller = Caller { who: Principal::internal(scope.account), scope };
        let ingest = begin(&platform, &caller).unwrap();
        // Emptying the store renews the registry.
        platform.reset().unwrap();
        let point = Point {
            name: "Orders",
            dimensions: &[],
            unit: model::Unit::None,
            at_ms: clock.now_ms(),
            amount: Amount::Single(1.0),
        };
        let put = Put { namespace: "Shop", points: vec![point], entities: Vec::new() };
        let answered = Arc::new(Mutex::new(Vec::new()));
        let into = answered.clone();
        let done: Done = Box::new(move |answer| into.lock().unwrap().push(answer));
        send(&platform, &caller, ingest, &put, done);
        platform.commit_step(Duration::ZERO);
        assert_eq!(*answered.lock().unwrap(), [Ok(None)]);
        let listed = platform
            .list_metrics(&caller.who, &caller.scope, &MetricFilter::default(), TimeRange::ALL)
            .unwrap();
        assert_eq!(listed.len(), 1);
    }
}

//! Where items of the history stand, how they are found, and how they go.
//!
//! An item stands once, under tenant, time and a number ([`HISTORY`]). A second key, under tenant, alarm,
//! time and number and with an empty value ([`HISTORY_OF`]), finds it for whoever asks for one alarm; both
//! are written, and removed, in one write of the catalog. The other way round - items under their alarms,
//! and an index by time - costs the same writes, and would move all that older versions wrote: so only their
//! second keys are made, once, by the first start of a version that knows of them ([`index_older`]).
//!
//! A question costs what it returns: a page begins where the one before ended, reads on in steps, and ends
//! when it is full or has looked at [`LOOKED_MAX`] items, of which a filter may leave none.

use super::{HistoryFilter, HistoryShown};
use crate::alarms::contributor_id;
use crate::alarms::keep::{HEADS, HISTORY, HISTORY_OF, of_place, place};
use catalog::{Catalog, CatalogError, Change};
use model::TenantId;

/// Where an item stands among all of its tenant: by time, then by a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct HistoryPlace {
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// Tells items of one moment apart, and keeps their order.
    pub number: u64,
}

/// A part of the history.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct HistoryPage {
    /// What was found, in the order asked for.
    pub items: Vec<HistoryShown>,
    /// What the next page is behind; none when this was the last one. A page may be short, or empty, and
    /// still have a next one.
    pub next: Option<HistoryPlace>,
}

/// Items are kept for this long; the service keeps two weeks. Source: CloudWatch API reference,
/// `DescribeAlarmHistory`; product facts ask to keep ours longer.
const KEPT_MS: i64 = 91 * 86_400_000;
/// Items that one page looks at, so that no question holds a thread for long.
const LOOKED_MAX: usize = 10_000;
/// Items that are read in one step of the catalog, at first and then.
const STEPS: [usize; 2] = [128, 1_024];
/// Items that one removal takes along: a write of some milliseconds.
const REMOVED_MAX: usize = 5_000;
/// Says that what older versions wrote has its second keys; beside the head.
const INDEXED: &str = "history-indexed";
/// Older items that are filed by one write.
const INDEXED_AT_ONCE: usize = 16_384;

/// The largest time of sixteen digits.
const TIME_MAX: i64 = 9_999_999_999_999_999;

/// Writes a time so that texts sort as times do.
fn time_text(at_ms: i64) -> String {
    format!("{:016}", at_ms.clamp(0, TIME_MAX))
}

impl HistoryPlace {
    fn text(self) -> String {
        format!("{}/{:016x}", time_text(self.at_ms), self.number)
    }

    fn read(text: &str) -> Option<Self> {
        let (at_ms, number) = text.split_once('/')?;
        let formed = text.len() == 33 && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'/');
        let (at_ms, number) = (at_ms.parse().ok()?, u64::from_str_radix(number, 16).ok()?);
        formed.then_some(Self { at_ms, number })
    }

    /// Returns 16 bytes that [`of_bytes`](Self::of_bytes) reads.
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.at_ms.to_le_bytes());
        bytes[8..].copy_from_slice(&self.number.to_le_bytes());
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) wrote.
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let (at_ms, number) = bytes.split_first_chunk::<8>()?;
        let number = u64::from_le_bytes(number.try_into().ok()?);
        Some(Self { at_ms: i64::from_le_bytes(*at_ms), number })
    }
}

/// Says whether a key of [`HISTORY`] is one.
pub(crate) fn is_sound_place(key: &str) -> bool {
    read_item_key(key).is_some()
}

/// Says whether an entry of [`HISTORY_OF`] is one.
pub(crate) fn is_sound_index(key: &str, value: &[u8]) -> bool {
    let parts = of_place(key).and_then(|(_, rest)| rest.split_once('\n'));
    value.is_empty() && parts.is_some_and(|(_, at)| HistoryPlace::read(at).is_some())
}

fn read_item_key(key: &str) -> Option<(TenantId, HistoryPlace)> {
    let (tenant, at) = of_place(key)?;
    Some((tenant, HistoryPlace::read(at)?))
}

/// Under this all second keys of an alarm stand: names hold no control characters.
fn of_alarm(tenant: TenantId, alarm: &str) -> String {
    place(tenant, &format!("{alarm}\n"))
}

/// Puts an item where it belongs; `number` tells items of one moment apart and keeps their order.
pub(crate) fn changes(tenant: TenantId, item: &HistoryShown, number: u64) -> [Change; 2] {
    let value = serde_json::to_vec(item).expect("texts are JSON");
    let at = HistoryPlace { at_ms: item.at_ms, number }.text();
    let index = of_alarm(tenant, &item.alarm) + &at;
    [Change::put(HISTORY, place(tenant, &at), value), Change::put(HISTORY_OF, index, Vec::new())]
}

/// Returns items that are wanted.
///
/// # Errors
/// When the catalog cannot be read.
pub(crate) fn page(
    catalog: &dyn Catalog,
    tenant: TenantId,
    filter: &HistoryFilter,
) -> Result<HistoryPage, CatalogError> {
    let mut walk = Walk::new(catalog, tenant, filter);
    let (mut page, mut looked) = (HistoryPage::default(), 0);
    let limit = filter.limit.unwrap_or(usize::MAX);
    let looked_max = if filter.limit.is_some() { LOOKED_MAX } else { usize::MAX };
    let mut last = filter.behind;
    while let Some((at, item)) = walk.next()? {
        if page.items.len() == limit || looked == looked_max {
            page.next = last;
            break;
        }
        (looked, last) = (looked + 1, Some(at));
        if let Some(item) = item.filter(|item| filter.fits(item)) {
            page.items.push(item);
        }
    }
    Ok(page)
}

impl HistoryFilter {
    fn fits(&self, item: &HistoryShown) -> bool {
        self.is_composite.is_none_or(|composite| composite == item.is_composite)
            && self.what.is_none_or(|what| what == item.what)
            && self.contributor.as_ref().is_none_or(|id| *id == contributor_id(&item.contributor))
    }
}

/// Goes through the items of a tenant or of an alarm, either way, within the times of a filter.
struct Walk<'a> {
    catalog: &'a dyn Catalog,
    filter: &'a HistoryFilter,
    tenant: TenantId,
    /// What its keys begin with, and where it is: behind or before this key.
    prefix: String,
    at: String,
    steps: usize,
    read: std::vec::IntoIter<(String, Vec<u8>)>,
    is_over: bool,
}

impl<'a> Walk<'a> {
    fn new(catalog: &'a dyn Catalog, tenant: TenantId, filter: &'a HistoryFilter) -> Self {
        let prefix = match &filter.alarm {
            Some(alarm) => of_alarm(tenant, alarm),
            None => place(tenant, ""),
        };
        let behind = filter.behind.map(HistoryPlace::text);
        // A time alone stands before all of its items; with a digit more it stands behind them.
        let at = if filter.is_ascending {
            behind.max(filter.start_ms.map(time_text))
        } else {
            let end = filter.end_ms.map(|end| time_text(end) + "0");
            // Of two bounds the earlier one; one that is not there bounds nothing.
            [behind, end].into_iter().flatten().min()
        };
        let at = at.map_or_else(String::new, |at| format!("{prefix}{at}"));
        let is_over = !filter.is_ascending && filter.end_ms.is_some_and(|end| end < 0);
        let read = Vec::new().into_iter();
        Self { catalog, filter, tenant, prefix, at, steps: 0, read, is_over }
    }

    /// Returns the next one; an item that cannot be read is told and none.
    fn next(&mut self) -> Result<Option<(HistoryPlace, Option<HistoryShown>)>, CatalogError> {
        loop {
            let Some((key, value)) = self.read.next() else {
                if self.is_over || !self.read_on()? {
                    return Ok(None);
                }
                continue;
            };
            let Some(at) = HistoryPlace::read(&key[self.prefix.len()..]) else { continue };
            if self.is_beyond(at) {
                self.is_over = true;
                return Ok(None);
            }
            let value = match &self.filter.alarm {
                None => Some(value),
                Some(_) => self.catalog.get(HISTORY, &place(self.tenant, &at.text()))?,
            };
            let item: Option<HistoryShown> =
                value.and_then(|value| serde_json::from_slice(&value).ok());
            if item.is_none() {
                tracing::error!(key, "an item of the alarm history cannot be read; left out");
            }
            return Ok(Some((at, item.map(|item| HistoryShown { at_ms: at.at_ms, ..item }))));
        }
    }

    fn is_beyond(&self, at: HistoryPlace) -> bool {
        match self.filter.is_ascending {
            true => self.filter.end_ms.is_some_and(|end| at.at_ms > end),
            false => self.filter.start_ms.is_some_and(|start| at.at_ms < start),
        }
    }

    fn read_on(&mut self) -> Result<bool, CatalogError> {
        let table = if self.filter.alarm.is_some() { HISTORY_OF } else { HISTORY };
        let step = STEPS[self.steps.min(1)];
        self.steps += 1;
        let found = match self.filter.is_ascending {
            true => self.catalog.page(table, &self.prefix, &self.at, step)?,
            false => self.catalog.page_back(table, &self.prefix, &self.at, step)?,
        };
        self.is_over = found.len() < step;
        if let Some((key, _)) = found.last() {
            self.at.clone_from(key);
        }
        let some = !found.is_empty();
        self.read = found.into_iter();
        Ok(some)
    }
}

/// Returns removals of what is older than is kept, and whether these are all.
///
/// # Errors
/// When the catalog cannot be read.
pub(crate) fn expired(
    catalog: &dyn Catalog,
    now_ms: i64,
) -> Result<(Vec<Change>, bool), CatalogError> {
    let (mut removals, mut after) = (Vec::new(), String::new());
    while removals.len() < 2 * REMOVED_MAX {
        let found = catalog.page(HISTORY, "", &after, STEPS[0])?;
        if found.is_empty() {
            return Ok((removals, true));
        }
        for (key, value) in found {
            let Some((tenant, at)) = read_item_key(&key) else {
                after = key;
                continue;
            };
            if at.at_ms >= now_ms.saturating_sub(KEPT_MS) {
                // Those behind it are younger: the next tenant's are next.
                after = format!("{:010}0", tenant.0);
                break;
            }
            if let Ok(item) = serde_json::from_slice::<HistoryShown>(&value) {
                let index = of_alarm(tenant, &item.alarm) + &at.text();
                removals.push(Change::remove(HISTORY_OF, index));
            }
            removals.push(Change::remove(HISTORY, key.clone()));
            after = key;
        }
    }
    Ok((removals, false))
}

/// Makes the second keys of what versions wrote that knew of none, once.
///
/// # Errors
/// When the catalog cannot be read or written. What was made stays; the next start goes on.
pub(crate) fn index_older(catalog: &dyn Catalog) -> Result<(), CatalogError> {
    if catalog.get(HEADS, INDEXED)?.is_some() {
        return Ok(());
    }
    let (mut after, mut done) = (String::new(), 0);
    loop {
        let found = catalog.page(HISTORY, "", &after, INDEXED_AT_ONCE)?;
        let Some((last, _)) = found.last() else { break };
        tracing::info!(
            done,
            "the history of alarms is filed by alarm, once; the server answers after that"
        );
        done += found.len();
        after.clone_from(last);
        let keys = found.iter().filter_map(|(key, value)| {
            let (tenant, at) = read_item_key(key)?;
            let item: HistoryShown = serde_json::from_slice(value).ok()?;
            let index = of_alarm(tenant, &item.alarm) + &at.text();
            Some(Change::put(HISTORY_OF, index, Vec::new()))
        });
        catalog.write(keys.collect())?;
    }
    catalog.write(vec![Change::put(HEADS, INDEXED, 1u64.to_le_bytes().to_vec())])
}

#[cfg(test)]
mod tests;

//! What a series is: its structured identity and the one canonical form of it.

use crate::Unit;
use stdx::varint::{self, Reader};

/// The number that stands for a [`Scope`](crate::Scope) in keys and files; the catalog maps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TenantId(pub u32);

impl TenantId {
    /// Stands for scopes that nothing was ever written to. The catalog gives this number to none.
    pub const NOBODY: Self = Self(u32::MAX);
}

/// What the values of a chunk are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A number at a time: Prometheus samples, gauges, cumulative sums. The later arrival wins.
    Float = 0,
    /// What happened in an interval (see [`Delta`](crate::Delta)); equal times add up.
    Delta = 1,
    /// A native histogram (see [`Histogram`](crate::Histogram)). The later arrival wins.
    Histogram = 2,
}

impl Kind {
    /// How many there are.
    pub const COUNT: usize = 3;
    /// All, in the order of their codes.
    pub const ALL: [Self; Self::COUNT] = [Self::Float, Self::Delta, Self::Histogram];

    /// Returns the kind with this code, if there is one.
    pub fn from_code(code: u8) -> Option<Kind> {
        match code {
            0 => Some(Kind::Float),
            1 => Some(Kind::Delta),
            2 => Some(Kind::Histogram),
            _ => None,
        }
    }
}

/// Labels that stand for parts of the identity: they select and show, nobody can write them.
pub const VIRTUAL_NAMES: [&str; 3] = ["__name__", "__namespace__", "__unit__"];

/// The identity of a series: tenant, namespace, name, unit and labels.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesKey {
    /// Whose it is.
    pub tenant: TenantId,
    /// CloudWatch's namespace; empty for series without one (Prometheus, OTLP).
    pub namespace: String,
    /// The metric's name; may be empty for Prometheus series that have none.
    pub name: String,
    /// The unit; [`Unit::None`] where the client has none.
    pub unit: Unit,
    /// Labels (dimensions), sorted by name, each name once, no empty values.
    pub labels: Vec<(String, String)>,
}

impl SeriesKey {
    /// Sorts the labels and removes empty values, which equal absent ones in Prometheus.
    ///
    /// # Errors
    /// The name that occurs twice.
    pub fn canonicalise(&mut self) -> Result<(), String> {
        self.labels.retain(|(_, value)| !value.is_empty());
        self.labels.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        match self.labels.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            Some(pair) => Err(pair[0].0.clone()),
            None => Ok(()),
        }
    }

    /// Appends the canonical bytes: equal for equal identities, and sorted so that tenants, then
    /// namespaces, then names stay together.
    ///
    /// Layout: tenant (4, big endian), namespace, name (each length and bytes), unit (1), number of
    /// labels, then name and value of each. Lengths and numbers are varints.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.tenant.0.to_be_bytes());
        varint::put_bytes(out, self.namespace.as_bytes());
        varint::put_bytes(out, self.name.as_bytes());
        out.push(self.unit as u8);
        varint::put_u64(out, self.labels.len() as u64);
        for (name, value) in &self.labels {
            varint::put_bytes(out, name.as_bytes());
            varint::put_bytes(out, value.as_bytes());
        }
    }

    /// Reads what [`SeriesKey::encode`] wrote; `None` for anything else.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let tenant = TenantId(u32::from_be_bytes(reader.take(4)?.try_into().ok()?));
        let namespace = reader.str()?.to_owned();
        let name = reader.str()?.to_owned();
        let unit = Unit::from_code(reader.u8()?)?;
        let count = reader.usize()?;
        let mut labels = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            labels.push((reader.str()?.to_owned(), reader.str()?.to_owned()));
        }
        reader.is_empty().then_some(Self { tenant, namespace, name, unit, labels })
    }

    /// Returns the value of a label, virtual ones included; empty when the series has none.
    pub fn label(&self, name: &str) -> &str {
        match name {
            "__name__" => &self.name,
            "__namespace__" => &self.namespace,
            "__unit__" => match self.unit {
                Unit::None => "",
                unit => unit.name(),
            },
            _ => match self.labels.binary_search_by(|(n, _)| n.as_str().cmp(name)) {
                Ok(at) => &self.labels[at].1,
                Err(_) => "",
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> SeriesKey {
        SeriesKey {
            tenant: TenantId(3),
            namespace: "AWS/EC2".into(),
            name: "CPUUtilization".into(),
            unit: Unit::Percent,
            labels: vec![("b".into(), "2".into()), ("a".into(), "1".into())],
        }
    }

    #[test]
    fn decoding_undoes_encoding() {
        let mut key = key();
        key.canonicalise().unwrap();
        let mut bytes = Vec::new();
        key.encode(&mut bytes);
        assert_eq!(SeriesKey::decode(&bytes), Some(key));
        for cut in 0..bytes.len() {
            assert_eq!(SeriesKey::decode(&bytes[..cut]), None);
        }
    }

    #[test]
    fn canonical_labels_are_sorted_and_unique() {
        let mut key = key();
        key.labels.push(("c".into(), String::new()));
        key.canonicalise().unwrap();
        assert_eq!(key.labels[0].0, "a");
        assert_eq!(key.labels.len(), 2);
        assert_eq!((key.label("b"), key.label("c"), key.label("__unit__")), ("2", "", "Percent"));
        key.labels.push(("a".into(), "x".into()));
        assert_eq!(key.canonicalise(), Err("a".to_owned()));
    }
}

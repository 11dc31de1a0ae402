//! What every client can do, whatever wire it speaks.

use serde_json::Value;

/// Which client a scenario runs with.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// boto3 as it is now: AWS JSON 1.0.
    Json,
    /// A boto3 from before CloudWatch spoke JSON: Query with XML answers.
    Query,
    /// The AWS SDK for Rust: Smithy RPC v2 CBOR.
    Cbor,
}

impl Kind {
    pub(crate) const ALL: &[Kind] = &[Kind::Json, Kind::Query, Kind::Cbor];
}

/// Whose call it is: the key id selects the account, the region goes into the signature's scope.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Who {
    pub(crate) key: String,
    pub(crate) region: String,
}

impl Who {
    pub(crate) fn new(key: &str, region: &str) -> Who {
        Who { key: key.into(), region: region.into() }
    }
}

/// A service's refusal, as the client tells it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refusal {
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) status: u16,
}

/// Why there is no answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Failure {
    Refused(Refusal),
    /// The client could not get an answer or not read it.
    Broken(String),
}

/// One client.
///
/// Inputs and outputs have the members of the service's model. Times are milliseconds since 1970;
/// numbers that JSON cannot say are the strings `NaN`, `Infinity` and `-Infinity`.
pub(crate) trait Client: Send {
    fn call(&mut self, who: &Who, operation: &str, input: Value) -> Result<Value, Failure>;

    /// Returns what the last call sent and got besides the bodies: `url`, `headers`, `body_bytes`, `answer`
    /// (the answer's headers). Names of headers are in lower case.
    fn exchange(&self) -> Value;
}

//! Makes the crate `aws-shapes` from the SDK's public models: names, types, constraints and
//! protocol traits; no prose.
//!
//! What the models say and this file does not know stops the generator by name, so that nothing
//! is lost silently when a new service comes in.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use crate::ordered::{Map, Value};

/// The release whose models are committed.
const BOTOCORE: &str = "botocore==1.44.5";

/// One service to generate, and what its model does not say.
struct Wanted {
    /// Folder in the models and name of the file.
    name: &'static str,
    /// Error for a violated constraint.
    validation_error: &'static str,
    /// Orders in which AWS prints the values of an enumeration, recorded from its answers.
    /// Where nothing is recorded the model's order is taken.
    printed_orders: &'static [(&'static str, &'static [&'static str])],
}

/// The services, one line each.
const SERVICES: &[Wanted] = &[
    Wanted {
        name: "cloudwatch",
        validation_error: "ValidationException",
        printed_orders: &[("StateValue", &["INSUFFICIENT_DATA", "ALARM", "OK"])],
    },
    Wanted { name: "sns", validation_error: "InvalidParameter", printed_orders: &[] },
    Wanted { name: "sts", validation_error: "ValidationException", printed_orders: &[] },
];

/// Writes the generated files, or compares them with what is committed.
///
/// # Errors
/// When the models cannot be had, hold something unknown, or (with `check`) differ.
pub(crate) fn run(check: bool, models: Option<PathBuf>) -> Result<()> {
    let fetched = tempfile::tempdir()?;
    let models = match models.or_else(|| std::env::var_os("SIGHTLINE_BOTOCORE").map(PathBuf::from))
    {
        Some(models) => models,
        None => fetch(fetched.path())?,
    };
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../aws-shapes/src");
    let mut differing = Vec::new();
    for (name, text) in generate(&models)? {
        let path = target.join(&name);
        if std::fs::read_to_string(&path).is_ok_and(|committed| committed == text) {
            continue;
        }
        if check {
            differing.push(name);
        } else {
            #[expect(clippy::disallowed_methods, reason = "a source file, not a store's")]
            std::fs::write(&path, text).with_context(|| format!("write {}", path.display()))?;
        }
    }
    ensure!(
        differing.is_empty(),
        "aws-shapes: {} differ from the models of {BOTOCORE}; \
         run `cargo run -p xtask -- generate aws-shapes`",
        differing.join(", ")
    );
    Ok(())
}

fn fetch(folder: &Path) -> Result<PathBuf> {
    let status = Command::new("python3")
        .args(["-m", "pip", "install", "--quiet", "--no-deps", "--target"])
        .arg(folder)
        .arg(BOTOCORE)
        .status()
        .context("run python3 -m pip")?;
    ensure!(status.success(), "pip could not fetch {BOTOCORE}; give its data with --models");
    Ok(folder.join("botocore/data"))
}

/// Returns the text of every file, by its name.
fn generate(models: &Path) -> Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for wanted in SERVICES {
        let model = read_model(models, wanted.name)?;
        let text = Generator::new(wanted, &model)?
            .file()
            .with_context(|| format!("service {}", wanted.name))?;
        files.insert(format!("{}.rs", wanted.name.replace('-', "_")), formatted(&text)?);
    }
    Ok(files)
}

/// Reads the newest version of a service's model.
fn read_model(models: &Path, service: &str) -> Result<Value> {
    let folder = models.join(service);
    let mut versions: Vec<PathBuf> = std::fs::read_dir(&folder)
        .with_context(|| format!("read {}", folder.display()))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_dir())
        .collect();
    versions.sort();
    let newest = versions.last().context("the service has no version")?;
    let packed = newest.join("service-2.json.gz");
    let mut text = String::new();
    if packed.exists() {
        flate2::read::GzDecoder::new(std::fs::File::open(&packed)?).read_to_string(&mut text)?;
    } else {
        text = std::fs::read_to_string(newest.join("service-2.json"))?;
    }
    Ok(serde_json::from_str(&text)?)
}

/// Formats the text as the repository is formatted, so that it is not reformatted later.
fn formatted(text: &str) -> Result<String> {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut rustfmt = Command::new("rustfmt")
        .args(["--edition", "2024", "--config", "max_width=100,use_small_heuristics=Max"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("run rustfmt")?;
    let mut input = rustfmt.stdin.take().context("rustfmt takes input")?;
    let text = text.to_owned();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()));
    let output = rustfmt.wait_with_output()?;
    ensure!(output.status.success(), "rustfmt refused the generated text");
    writer.join().expect("the writing thread does not panic")?;
    Ok(String::from_utf8(output.stdout)?)
}

struct Generator<'m> {
    wanted: &'m Wanted,
    metadata: &'m Map,
    operations: &'m Map,
    shapes: &'m Map,
    /// Names of the statics. Two shapes may differ in capitals only; the later one is numbered.
    names: BTreeMap<&'m str, String>,
}

/// Keys of the models that say nothing about the wire, or that another key repeats.
const SILENT_SHAPE_KEYS: &[&str] = &[
    "documentation",
    "deprecated",
    "deprecatedMessage",
    "deprecatedSince",
    "box",
    "synthetic",
    "xmlOrder",
    "event",
    "retryable",
];
const SILENT_MEMBER_KEYS: &[&str] = &[
    "documentation",
    "deprecated",
    "deprecatedMessage",
    "deprecatedSince",
    "box",
    "idempotencyToken",
    "contextParam",
    "hostLabel",
    "eventpayload",
    "eventheader",
];
const SILENT_OPERATION_KEYS: &[&str] = &[
    "name",
    "http",
    "input",
    "output",
    "errors",
    "documentation",
    "documentationUrl",
    "idempotent",
    "readonly",
    "deprecated",
    "deprecatedMessage",
    "auth",
    "authtype",
    "requestcompression",
    "endpoint",
    "endpointdiscovery",
    "endpointoperation",
    "staticContextParams",
    "unsignedPayload",
];

fn refuse_unknown(what: &str, object: &Map, known: &[&str], silent: &[&str]) -> Result<()> {
    for key in object.keys() {
        ensure!(
            known.contains(&key.as_str()) || silent.contains(&key.as_str()),
            "{what}: the generator does not know the trait `{key}`"
        );
    }
    Ok(())
}

fn object<'v>(value: &'v Value, key: &str) -> Result<&'v Map> {
    value.get(key).and_then(Value::as_object).with_context(|| format!("no object `{key}`"))
}

fn text<'v>(object: &'v Map, key: &str) -> &'v str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn flag(object: &Map, key: &str) -> bool {
    object.get(key).and_then(Value::as_bool).unwrap_or(false)
}

/// `GetMetricDataInput` as `GET_METRIC_DATA_INPUT` or, in small letters, as a module's name.
fn words(name: &str) -> String {
    let chars: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, &c) in chars.iter().enumerate() {
        let after_small =
            i > 0 && (chars[i - 1].is_ascii_lowercase() || chars[i - 1].is_ascii_digit());
        let before_small = chars.get(i + 1).is_some_and(char::is_ascii_lowercase);
        let after_capital = i > 0 && chars[i - 1].is_ascii_uppercase();
        if c.is_ascii_uppercase() && (after_small || (after_capital && before_small)) {
            out.push('_');
        }
        out.push(if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' });
    }
    out
}

impl<'m> Generator<'m> {
    fn new(wanted: &'m Wanted, model: &'m Value) -> Result<Self> {
        let shapes = object(model, "shapes")?;
        let mut names = BTreeMap::new();
        // The table of the service itself has this name.
        let mut taken = HashSet::from(["SERVICE".to_owned()]);
        for (shape, _) in sorted(shapes) {
            let mut name = words(shape);
            while !taken.insert(name.clone()) {
                name.push_str("_2");
            }
            names.insert(shape.as_str(), name);
        }
        Ok(Self {
            wanted,
            metadata: object(model, "metadata")?,
            operations: object(model, "operations")?,
            shapes,
            names,
        })
    }

    /// Returns the name of a shape's static.
    fn name(&self, shape: &str) -> &str {
        self.names.get(shape).map_or("NO_SUCH_SHAPE", String::as_str)
    }

    fn shape(&self, name: &str) -> Result<&'m Map> {
        self.shapes.get(name).and_then(Value::as_object).with_context(|| format!("no shape {name}"))
    }

    fn file(&self) -> Result<String> {
        let mut out = String::new();
        writeln!(
            out,
            "//! {}. Generated by `cargo run -p xtask -- generate aws-shapes`",
            text(self.metadata, "serviceFullName")
        )?;
        writeln!(out, "//! from the models of {BOTOCORE}; not edited by hand.\n")?;
        writeln!(
            out,
            "#![expect(missing_docs, reason = \"the names are the model's; its prose is not ours to copy\")]"
        )?;
        writeln!(out, "use aws_wire::schema::*;\n")?;
        self.service(&mut out)?;
        let used = self.used_shapes()?;
        for name in &used {
            self.static_shape(name, &mut out).with_context(|| format!("shape {name}"))?;
        }
        for name in &used {
            self.fields(name, &mut out)?;
        }
        Ok(out)
    }

    /// Shapes that an operation reaches, by name.
    fn used_shapes(&self) -> Result<BTreeSet<String>> {
        let mut used = BTreeSet::new();
        let mut open = Vec::new();
        for operation in self.operations.values() {
            for key in ["input", "output"] {
                open.extend(
                    operation.get(key).and_then(|v| v["shape"].as_str()).map(str::to_owned),
                );
            }
            for error in operation.get("errors").and_then(Value::as_array).into_iter().flatten() {
                open.extend(error["shape"].as_str().map(str::to_owned));
            }
        }
        // Errors that no operation lists are answered all the same.
        open.extend(
            self.shapes
                .iter()
                .filter(|(_, s)| s["exception"] == Value::Bool(true))
                .map(|(name, _)| name.clone()),
        );
        while let Some(name) = open.pop() {
            let shape = self.shape(&name)?;
            if !used.insert(name) {
                continue;
            }
            for key in ["member", "key", "value"] {
                open.extend(shape.get(key).and_then(|v| v["shape"].as_str()).map(str::to_owned));
            }
            for member in
                shape.get("members").and_then(Value::as_object).into_iter().flat_map(Map::values)
            {
                open.extend(member["shape"].as_str().map(str::to_owned));
            }
        }
        Ok(used)
    }

    fn service(&self, out: &mut String) -> Result<()> {
        let m = self.metadata;
        let mut protocols = Vec::new();
        // Older models name one protocol only.
        let listed = match m.get("protocols").and_then(Value::as_array) {
            Some(listed) => listed,
            None => std::slice::from_ref(m.get("protocol").context("no protocol")?),
        };
        for protocol in listed {
            protocols.push(match protocol.as_str() {
                Some("smithy-rpc-v2-cbor") => "Wire::Cbor",
                Some("json") => "Wire::Json",
                Some("query") => "Wire::Query",
                Some("rest-json") => "Wire::RestJson",
                other => bail!("protocol {other:?} has no codec"),
            });
        }
        let signing =
            if text(m, "signingName").is_empty() { "endpointPrefix" } else { "signingName" };
        let id = text(m, "serviceId");
        let namespace = format!(
            "com.amazonaws.{}.v{}",
            id.to_lowercase().replace(' ', ""),
            text(m, "apiVersion").replace('-', "_")
        );
        writeln!(out, "pub static SERVICE: Service = Service {{")?;
        for (field, value) in [
            ("name", self.wanted.name),
            ("title", id),
            ("signing_name", text(m, signing)),
            ("api_version", text(m, "apiVersion")),
            ("namespace", &namespace),
            ("target_prefix", text(m, "targetPrefix")),
            ("json_version", text(m, "jsonVersion")),
            ("xml_namespace", text(m, "xmlNamespace")),
        ] {
            writeln!(out, "{field}: {value:?},")?;
        }
        writeln!(out, "protocols: &[{}],", protocols.join(","))?;
        writeln!(out, "query_compatible: {},", m.contains_key("awsQueryCompatible"))?;
        writeln!(out, "validation_error: {:?},", self.wanted.validation_error)?;
        writeln!(out, "operations: &[")?;
        for (name, operation) in sorted(self.operations) {
            self.operation(name, operation, out).with_context(|| format!("operation {name}"))?;
        }
        writeln!(out, "],\n}};\n")?;
        Ok(())
    }

    fn operation(&self, name: &str, operation: &Value, out: &mut String) -> Result<()> {
        let all = operation.as_object().context("not an object")?;
        refuse_unknown(name, all, &[], SILENT_OPERATION_KEYS)?;
        let http = object(operation, "http")?;
        write!(
            out,
            "Operation::new({name:?}, {:?}, {:?})",
            text(http, "method"),
            text(http, "requestUri")
        )?;
        if let Some(input) = operation.get("input") {
            write!(out, ".input(&{})", self.name(input["shape"].as_str().context("no shape")?))?;
        }
        if let Some(output) = operation.get("output").and_then(Value::as_object) {
            write!(
                out,
                ".output(&{}, {:?})",
                self.name(text(output, "shape")),
                text(output, "resultWrapper")
            )?;
        }
        let errors: Vec<String> = operation
            .get("errors")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|error| error["shape"].as_str())
            .map(|error| format!("&{}", self.name(error)))
            .collect();
        if !errors.is_empty() {
            write!(out, ".errors(&[{}])", errors.join(","))?;
        }
        if let Some(status) = http.get("responseCode").and_then(Value::as_i64) {
            write!(out, ".status({status})")?;
        }
        if all.contains_key("requestcompression") {
            write!(out, ".compressible()")?;
        }
        if let Some(prefix) = operation["endpoint"]["hostPrefix"].as_str() {
            write!(out, ".host_prefix({prefix:?})")?;
        }
        writeln!(out, ",")?;
        Ok(())
    }

    fn static_shape(&self, name: &str, out: &mut String) -> Result<()> {
        let shape = self.shape(name)?;
        let kind = self.kind(name, shape)?;
        write!(out, "pub static {}: Shape = Shape::new({name:?}, {kind})", self.name(name))?;
        if flag(shape, "sensitive") {
            write!(out, ".sensitive()")?;
        }
        writeln!(out, ";")?;
        Ok(())
    }

    fn kind(&self, name: &str, shape: &Map) -> Result<String> {
        let known: &[&str] = match text(shape, "type") {
            "structure" => &[
                "type",
                "members",
                "required",
                "error",
                "exception",
                "fault",
                "union",
                "eventstream",
                "payload",
                "sensitive",
            ],
            "list" => &["type", "member", "min", "max", "flattened", "sensitive"],
            "map" => {
                &["type", "key", "value", "min", "max", "flattened", "sensitive", "locationName"]
            }
            "string" | "character" => &["type", "min", "max", "pattern", "enum", "sensitive"],
            "integer" | "long" | "float" | "double" | "blob" => {
                &["type", "min", "max", "sensitive"]
            }
            "timestamp" => &["type", "timestampFormat", "sensitive"],
            _ => &["type", "sensitive"],
        };
        refuse_unknown(name, shape, known, SILENT_SHAPE_KEYS)?;
        let bounds = bounds(shape);
        Ok(match text(shape, "type") {
            "structure" => self.structure(name, shape)?,
            "list" => {
                let member = object_of(shape, "member")?;
                refuse_unknown(name, member, &["shape", "locationName"], SILENT_MEMBER_KEYS)?;
                format!(
                    "Kind::List(List {{ member: &{}, length: {bounds}, member_name: {:?}, flattened: {} }})",
                    self.name(text(member, "shape")),
                    or(text(member, "locationName"), "member"),
                    flag(shape, "flattened")
                )
            }
            "map" => {
                let (key, value) = (object_of(shape, "key")?, object_of(shape, "value")?);
                format!(
                    "Kind::Map(Map {{ key: &{}, value: &{}, length: {bounds}, names: ({:?}, {:?}), flattened: {} }})",
                    self.name(text(key, "shape")),
                    self.name(text(value, "shape")),
                    or(text(key, "locationName"), "key"),
                    or(text(value, "locationName"), "value"),
                    flag(shape, "flattened")
                )
            }
            "string" | "character" => self.text_kind(name, shape, &bounds)?,
            "integer" => format!("Kind::Integer({bounds})"),
            "long" => format!("Kind::Long({bounds})"),
            "float" => format!("Kind::Float({bounds})"),
            "double" => format!("Kind::Double({bounds})"),
            "blob" => format!("Kind::Blob({bounds})"),
            "boolean" => "Kind::Boolean".to_owned(),
            "timestamp" => match text(shape, "timestampFormat") {
                "" => "Kind::Timestamp(None)".to_owned(),
                format => format!("Kind::Timestamp(Some({}))", timestamp_format(format)?),
            },
            other => bail!("type {other} has no codec"),
        })
    }

    fn text_kind(&self, name: &str, shape: &Map, bounds: &str) -> Result<String> {
        let mut values: Vec<&str> = shape
            .get("enum")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if let Some((_, order)) = self.wanted.printed_orders.iter().find(|(of, _)| *of == name) {
            let same =
                order.iter().collect::<BTreeSet<_>>() == values.iter().collect::<BTreeSet<_>>();
            ensure!(same, "the recorded order of {name} has other values than the model");
            values = order.to_vec();
        }
        let pattern = match shape.get("pattern").and_then(Value::as_str) {
            Some(pattern) => format!("Some({})", raw(pattern)),
            None => "None".to_owned(),
        };
        if bounds == "Bounds::ANY" && pattern == "None" && values.is_empty() {
            return Ok("Kind::String(Text::ANY)".to_owned());
        }
        Ok(format!("Kind::String(Text::new({bounds}, {pattern}, &{values:?}))"))
    }

    fn structure(&self, name: &str, shape: &Map) -> Result<String> {
        let required: HashSet<&str> = shape
            .get("required")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        let mut out = String::from("Kind::Structure(Structure::new(&[");
        for (member_name, member) in object_of(shape, "members")?.iter() {
            let member = member.as_object().context("not an object")?;
            self.member(
                name,
                member_name,
                member,
                shape,
                required.contains(member_name.as_str()),
                &mut out,
            )?;
        }
        out.push_str("])");
        if flag(shape, "exception") {
            let error = shape.get("error").and_then(Value::as_object);
            let fault = flag(shape, "fault");
            let status = error
                .and_then(|e| e.get("httpStatusCode"))
                .and_then(Value::as_i64)
                .unwrap_or(if fault { 500 } else { 400 });
            let code = or(error.map_or("", |e| text(e, "code")), name);
            write!(out, ".error({code:?}, {status}, {})", status < 500)?;
        }
        if flag(shape, "union") {
            out.push_str(".union()");
        }
        if flag(shape, "eventstream") {
            out.push_str(".event_stream()");
        }
        out.push(')');
        Ok(out)
    }

    fn member(
        &self,
        owner: &str,
        name: &str,
        member: &Map,
        shape: &Map,
        required: bool,
        out: &mut String,
    ) -> Result<()> {
        let known = ["shape", "location", "locationName", "timestampFormat"];
        refuse_unknown(&format!("{owner}.{name}"), member, &known, SILENT_MEMBER_KEYS)?;
        write!(out, "Member::new({name:?}, &{})", self.name(text(member, "shape")))?;
        if required {
            out.push_str(".required()");
        }
        let wire = text(member, "locationName");
        if !wire.is_empty() && wire != name {
            write!(out, ".wire({wire:?})")?;
        }
        let location = match text(member, "location") {
            "" if text(shape, "payload") == name => "Payload",
            "" => "",
            "uri" => "Uri",
            "querystring" => "Query",
            "header" => "Header",
            "headers" => "Headers",
            "statusCode" => "Status",
            other => bail!("{owner}.{name}: location {other} has no codec"),
        };
        if !location.is_empty() {
            write!(out, ".at(Location::{location})")?;
        }
        let format = text(member, "timestampFormat");
        if !format.is_empty() {
            write!(out, ".format({})", timestamp_format(format)?)?;
        }
        out.push(',');
        Ok(())
    }

    /// A module of positions for each structure.
    fn fields(&self, name: &str, out: &mut String) -> Result<()> {
        let shape = self.shape(name)?;
        let Some(members) = shape.get("members").and_then(Value::as_object) else { return Ok(()) };
        if members.is_empty() {
            return Ok(());
        }
        let owner = self.name(name);
        let mut module = owner.to_lowercase();
        if KEYWORDS.contains(&module.as_str()) {
            module.push('_');
        }
        writeln!(out, "pub mod {module} {{ use super::Field;")?;
        for (index, member) in members.keys().enumerate() {
            let field = words(member);
            writeln!(out, "pub const {field}: Field = Field::new(&super::{owner}, {index});")?;
        }
        writeln!(out, "}}")?;
        Ok(())
    }
}

/// Words that structures are called by and modules cannot be.
const KEYWORDS: &[&str] = &[
    "as", "break", "const", "enum", "fn", "for", "if", "impl", "in", "loop", "match", "mod",
    "move", "ref", "return", "static", "struct", "trait", "type", "use", "where", "while",
];

fn sorted(object: &Map) -> Vec<(&String, &Value)> {
    let mut entries: Vec<_> = object.iter().collect();
    entries.sort_by_key(|(name, _)| *name);
    entries
}

fn object_of<'v>(object: &'v Map, key: &str) -> Result<&'v Map> {
    object.get(key).and_then(Value::as_object).with_context(|| format!("no object `{key}`"))
}

fn or<'t>(text: &'t str, default: &'t str) -> &'t str {
    if text.is_empty() { default } else { text }
}

fn bounds(shape: &Map) -> String {
    let bound = |key: &str| shape.get(key).and_then(Value::as_i64);
    match (bound("min"), bound("max")) {
        (None, None) => "Bounds::ANY".to_owned(),
        (Some(min), None) => format!("Bounds::at_least({min})"),
        (None, Some(max)) => format!("Bounds::at_most({max})"),
        (Some(min), Some(max)) => format!("Bounds::between({min}, {max})"),
    }
}

fn timestamp_format(name: &str) -> Result<&'static str> {
    Ok(match name {
        "unixTimestamp" => "TimestampFormat::EpochSeconds",
        "iso8601" => "TimestampFormat::Iso8601",
        "rfc822" => "TimestampFormat::HttpDate",
        other => bail!("timestamp format {other} has no codec"),
    })
}

/// A raw string literal that holds `text`.
fn raw(text: &str) -> String {
    let mut hashes = String::new();
    while text.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    format!("r{hashes}\"{text}\"{hashes}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fall_into_words() {
        for (name, expected) in [
            ("GetMetricDataInput", "GET_METRIC_DATA_INPUT"),
            ("OKActions", "OK_ACTIONS"),
            ("SSEKMSKeyId", "SSEKMS_KEY_ID"),
            ("message", "MESSAGE"),
            ("provider-id", "PROVIDER_ID"),
        ] {
            assert_eq!(words(name), expected);
        }
    }

    /// Runs where the models are at hand; the same comparison without that condition is
    /// `generate aws-shapes --check`.
    #[test]
    fn oracle_committed_shapes_are_the_models() {
        run(true, None).expect("the committed shapes are what the models give");
    }
}

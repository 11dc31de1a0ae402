//! `sightline keys`, `sightline users` and `sightline tokens`: who may come in.
//!
//! Either through a running server, or on the directory of one that does not run.

use crate::client::Endpoint;
use crate::config::usage;
use crate::password;
use crate::print::{self, Format, Rows};
use anyhow::Context;
use clap::{Args, Subcommand};
use model::{AccountId, PrincipalKind, Role};
use serde_json::{Map, Value, json};
use server::{NewCredential, StoppedDirectory};
use std::path::PathBuf;

/// Which server, or whose directory.
#[derive(Debug, Args)]
pub(crate) struct Place {
    /// Directory of a server that does not run, instead of asking one that does
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Key file of that directory [default: secret.key in it]
    #[arg(long, value_name = "FILE", env = "SIGHTLINE_KEY_FILE")]
    key_file: Option<PathBuf>,
    #[command(flatten)]
    endpoint: Endpoint,
    /// How to print
    #[arg(short, long, value_enum, default_value = "table")]
    format: Format,
}

/// What something new is to be.
#[derive(Debug, Args)]
pub(crate) struct New {
    /// What it may do: viewer (read), editor (write too) or admin (manage too)
    #[arg(long)]
    role: Role,
    /// Account: twelve digits [default: that of whoever makes it, else 000000000000]
    #[arg(long, value_name = "ID", env = "SIGHTLINE_ACCOUNT")]
    account: Option<AccountId>,
    /// What it is for
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,
}

/// Access keys, for AWS SDKs and tools.
#[derive(Debug, Subcommand)]
#[command(after_help = KEYS_EXAMPLES)]
pub(crate) enum KeysCommand {
    /// Make an access key and show its secret, once
    Create {
        #[command(flatten)]
        new: New,
        /// Name in ARNs and records [default: the key's id]
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// List access keys
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Revoke access keys, at once and for good
    Revoke {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        place: Place,
    },
}

const KEYS_EXAMPLES: &str = "Examples:
  sightline keys create --role admin --data ./data        the first one, before the server starts
  sightline keys create --role editor --name ci --account 123456789012
  sightline keys list -f json
  sightline keys revoke SLAK4ZTPQ6N7YRVX2MHD";

/// Users with passwords, for people and for what knows only basic authentication.
#[derive(Debug, Subcommand)]
#[command(after_help = USERS_EXAMPLES)]
pub(crate) enum UsersCommand {
    /// Make a user
    Create {
        /// Name
        name: String,
        #[command(flatten)]
        new: New,
        /// Read the password from standard input, its first line, instead of asking for it
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        place: Place,
    },
    /// List users
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Revoke users, at once
    Revoke {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        place: Place,
    },
    /// Give a user another password
    Passwd {
        /// Name
        name: String,
        /// Read the password from standard input, its first line, instead of asking for it
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        place: Place,
    },
}

const USERS_EXAMPLES: &str = "Examples:
  sightline users create ann --role viewer --data ./data        asks for the password
  sightline users create grafana --role viewer --password-stdin < password
  sightline users passwd ann --user ann                         with the old one in SIGHTLINE_PASSWORD
  sightline users revoke ann";

/// Bearer tokens, for Prometheus and scripts.
#[derive(Debug, Subcommand)]
#[command(after_help = TOKENS_EXAMPLES)]
pub(crate) enum TokensCommand {
    /// Make a token and show it, once
    Create {
        #[command(flatten)]
        new: New,
        /// Name in ARNs and records [default: the token's id]
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        place: Place,
    },
    /// List tokens, by their ids
    List {
        #[command(flatten)]
        place: Place,
    },
    /// Revoke tokens, at once and for good
    Revoke {
        #[command(flatten)]
        which: Which,
        #[command(flatten)]
        place: Place,
    },
}

const TOKENS_EXAMPLES: &str = "Examples:
  sightline tokens create --role editor --name prometheus
  sightline tokens create --role viewer -f json | jq -r .token > token
  sightline tokens revoke SLTK4ZTPQ6N7YRVX2MHD";

/// Which ones to revoke.
#[derive(Debug, Args)]
pub(crate) struct Which {
    /// Ids, or names of users
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    ids: Vec<String>,
    /// All that there are
    #[arg(long)]
    all: bool,
}

/// Where acts are done. Both ways answer with the same JSON.
enum Way<'p> {
    Server(&'p Endpoint),
    Stopped(Box<StoppedDirectory>),
}

/// The collection's name in paths and messages.
fn names(kind: PrincipalKind) -> (&'static str, &'static str) {
    match kind {
        PrincipalKind::User => ("users", "user"),
        PrincipalKind::Token => ("tokens", "token"),
        _ => ("keys", "access key"),
    }
}

impl Place {
    fn way(&self) -> anyhow::Result<Way<'_>> {
        match &self.data {
            Some(dir) => {
                let stopped = server::stopped_directory(dir, self.key_file.clone())?;
                Ok(Way::Stopped(Box::new(stopped)))
            }
            None => Ok(Way::Server(&self.endpoint)),
        }
    }
}

fn json_of(value: &impl serde::Serialize) -> anyhow::Result<Value> {
    Ok(serde_json::to_value(value)?)
}

impl Way<'_> {
    fn create(
        &self,
        kind: PrincipalKind,
        name: Option<&str>,
        new: &New,
        password: Option<String>,
    ) -> anyhow::Result<Value> {
        match self {
            Self::Server(endpoint) => {
                let mut body = json!({ "role": new.role });
                let account = new.account.map(|account| account.to_string());
                for (key, value) in [
                    ("name", name.map(str::to_owned)),
                    ("account", account),
                    ("description", new.description.clone()),
                    ("password", password),
                ] {
                    if let Some(value) = value {
                        body[key] = value.into();
                    }
                }
                endpoint.post(&format!("/-/manage/{}", names(kind).0), &body)
            }
            Self::Stopped(stopped) => {
                let new = NewCredential {
                    name: name.map(str::to_owned),
                    account: new.account.unwrap_or(AccountId::DEFAULT),
                    role: new.role,
                    description: new.description.clone(),
                };
                let management = stopped.manage();
                match (kind, password) {
                    (PrincipalKind::User, password) => {
                        json_of(&management.create_user(&new, &password.unwrap_or_default())?)
                    }
                    (PrincipalKind::Token, _) => json_of(&management.create_token(&new)?),
                    _ => json_of(&management.create_key(&new)?),
                }
            }
        }
    }

    fn list(&self, kind: PrincipalKind) -> anyhow::Result<Vec<Value>> {
        let listed = match self {
            Self::Server(endpoint) => {
                endpoint.get(&format!("/-/manage/{}", names(kind).0), &[])?["credentials"].take()
            }
            Self::Stopped(stopped) => json_of(&stopped.manage().list(kind)?)?,
        };
        match listed {
            Value::Array(listed) => Ok(listed),
            other => anyhow::bail!("the server's answer is no list: {other}"),
        }
    }

    fn revoke(&self, kind: PrincipalKind, id: &str) -> anyhow::Result<Value> {
        match self {
            Self::Server(endpoint) => {
                endpoint.post(&format!("/-/manage/{}/{id}/revoke", names(kind).0), &json!({}))
            }
            Self::Stopped(stopped) => json_of(&stopped.manage().revoke(kind, id)?),
        }
    }

    fn set_password(&self, name: &str, password: &str) -> anyhow::Result<Value> {
        match self {
            Self::Server(endpoint) => endpoint.post(
                &format!("/-/manage/users/{name}/password"),
                &json!({ "password": password }),
            ),
            Self::Stopped(stopped) => json_of(&stopped.manage().set_password(name, password)?),
        }
    }
}

/// Ids stand in paths as they are.
fn check_id(id: &str) -> anyhow::Result<()> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    match !id.is_empty() && id.bytes().all(allowed) {
        true => Ok(()),
        false => Err(usage(format!("{id:?} is no id or name: it has letters, digits and _+=,.@-"))),
    }
}

/// Prints one thing that was made, with what is shown only now.
fn print_made(made: &Value, format: Format, told: &str) -> anyhow::Result<()> {
    let empty = Map::new();
    let object = made.as_object().unwrap_or(&empty);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match format {
        Format::Json => print::text(&format!("{made}\n")),
        Format::Csv => {
            let (header, row) = object.iter().map(|(k, v)| (k.clone(), text(v))).unzip();
            Rows { header, rows: vec![row] }.print(format)
        }
        Format::Table => {
            let order =
                ["id", "secret_access_key", "token", "name", "account", "role", "description"];
            let lines = order.iter().filter_map(|name| {
                let value = object.get(*name)?;
                Some(format!("{:<18} {}\n", name.replace('_', " "), text(value)))
            });
            print::text(&format!("{}{told}\n", lines.collect::<String>()))
        }
    }
}

fn print_list(listed: &[Value], format: Format) -> anyhow::Result<()> {
    let header = ["id", "name", "account", "role", "created", "revoked", "description"];
    let rows = listed.iter().map(|one| {
        header.iter().map(|name| one[*name].as_str().unwrap_or_default().to_owned()).collect()
    });
    Rows { header: header.map(str::to_owned).to_vec(), rows: rows.collect() }.print(format)
}

fn revoke(kind: PrincipalKind, which: &Which, place: &Place) -> anyhow::Result<()> {
    which.ids.iter().try_for_each(|id| check_id(id))?;
    let way = place.way()?;
    let ids = match which.all {
        false => which.ids.clone(),
        true => {
            let listed = way.list(kind)?;
            let good = listed.iter().filter(|one| one["revoked"].is_null());
            good.filter_map(|one| one["id"].as_str().map(str::to_owned)).collect()
        }
    };
    let (_, what) = names(kind);
    for id in &ids {
        way.revoke(kind, id).with_context(|| format!("{what} {id} is not revoked"))?;
        print::text(&format!("revoked {what} {id}\n"))?;
    }
    if ids.is_empty() {
        print::text("there is nothing to revoke\n")?;
    }
    Ok(())
}

fn list(kind: PrincipalKind, place: &Place) -> anyhow::Result<()> {
    print_list(&place.way()?.list(kind)?, place.format)
}

pub(crate) fn keys(command: &KeysCommand) -> anyhow::Result<()> {
    const KIND: PrincipalKind = PrincipalKind::AccessKey;
    match command {
        KeysCommand::Create { new, name, place } => {
            let made = place.way()?.create(KIND, name.as_deref(), new, None)?;
            print_made(&made, place.format, "\nThe secret is shown this once.")
        }
        KeysCommand::List { place } => list(KIND, place),
        KeysCommand::Revoke { which, place } => revoke(KIND, which, place),
    }
}

pub(crate) fn tokens(command: &TokensCommand) -> anyhow::Result<()> {
    const KIND: PrincipalKind = PrincipalKind::Token;
    match command {
        TokensCommand::Create { new, name, place } => {
            let made = place.way()?.create(KIND, name.as_deref(), new, None)?;
            print_made(&made, place.format, "\nThe token is shown this once.")
        }
        TokensCommand::List { place } => list(KIND, place),
        TokensCommand::Revoke { which, place } => revoke(KIND, which, place),
    }
}

pub(crate) fn users(command: &UsersCommand) -> anyhow::Result<()> {
    const KIND: PrincipalKind = PrincipalKind::User;
    match command {
        UsersCommand::Create { name, new, password_stdin, place } => {
            check_id(name)?;
            // Before the password is typed: whatever else is wrong is told first.
            let way = place.way()?;
            let password = password::new(*password_stdin)?;
            print_made(&way.create(KIND, Some(name), new, Some(password))?, place.format, "")
        }
        UsersCommand::List { place } => list(KIND, place),
        UsersCommand::Revoke { which, place } => revoke(KIND, which, place),
        UsersCommand::Passwd { name, password_stdin, place } => {
            check_id(name)?;
            let way = place.way()?;
            way.set_password(name, &password::new(*password_stdin)?)?;
            print::text(&format!("user {name} has another password now\n"))
        }
    }
}

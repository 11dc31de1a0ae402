//! Accounts, and account and region together.

use std::fmt;
use std::str::FromStr;

/// An AWS account number: twelve digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId([u8; 12]);

/// Why a text is no account number.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("account must be exactly twelve digits")]
pub struct AccountIdError;

impl AccountId {
    /// The account of whoever names none: `000000000000`.
    pub const DEFAULT: Self = Self([b'0'; 12]);

    /// Returns the twelve digits.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("only digits are ever stored")
    }
}

impl FromStr for AccountId {
    type Err = AccountIdError;

    fn from_str(text: &str) -> Result<Self, AccountIdError> {
        let bytes: [u8; 12] = text.as_bytes().try_into().map_err(|_| AccountIdError)?;
        if bytes.iter().all(u8::is_ascii_digit) { Ok(Self(bytes)) } else { Err(AccountIdError) }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AccountId({self})")
    }
}

/// Account and region: the tenant. Part of every key, ARN and limit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope {
    /// The account.
    pub account: AccountId,
    /// The region's name, such as `us-east-1`; any text of letters, digits and dashes.
    pub region: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_twelve_digits() {
        assert_eq!("123456789012".parse::<AccountId>().unwrap().to_string(), "123456789012");
        for bad in ["", "12345678901", "1234567890123", "12345678901a", "12345678901²"] {
            assert_eq!(bad.parse::<AccountId>(), Err(AccountIdError), "{bad}");
        }
    }
}

//! Which addresses may be sent to: an address of mail that breaks out of its header, and a URL that
//! points inside, are refused.

use reqwest::Url;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which places a URL of a stranger may point to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// This machine itself: only where the server is for this machine alone.
    pub loopback: bool,
}

const URL_BYTES_MAX: usize = 2_048;
const MAIL_BYTES_MAX: usize = 254;

impl Reach {
    /// Says why an address may not be sent to.
    ///
    /// Private networks are where one's own receivers are, so they may be. Addresses that answer to
    /// whoever is on the same link or host, such as 169.254.169.254 with its credentials, may not.
    ///
    /// # Errors
    /// Why not, as a fragment.
    pub fn check(self, address: IpAddr) -> Result<(), &'static str> {
        match address.to_canonical() {
            IpAddr::V4(v4) => self.check_v4(v4),
            IpAddr::V6(v6) => self.check_v6(v6),
        }
    }

    fn check_v4(self, address: Ipv4Addr) -> Result<(), &'static str> {
        let [a, b, c, _] = address.octets();
        if address.is_loopback() {
            return self.check_loopback();
        }
        if address.is_link_local() {
            return Err("it is a link-local address, where clouds keep their metadata");
        }
        if a == 0 || address.is_broadcast() || address.is_multicast() || a >= 240 {
            return Err("it is no address of a single machine");
        }
        // Metadata of clouds that use no link-local address.
        if [a, b, c] == [100, 100, 100]
            || address == Ipv4Addr::new(168, 63, 129, 16)
            || [a, b, c] == [192, 0, 0]
        {
            return Err("it is an address of a cloud's metadata");
        }
        Ok(())
    }

    fn check_v6(self, address: Ipv6Addr) -> Result<(), &'static str> {
        let segments = address.segments();
        if address.is_loopback() {
            return self.check_loopback();
        }
        if address.is_unspecified() || address.is_multicast() {
            return Err("it is no address of a single machine");
        }
        if segments[0] & 0xffc0 == 0xfe80 {
            return Err("it is a link-local address");
        }
        if segments[..2] == [0xfd00, 0x0ec2] {
            return Err("it is an address of a cloud's metadata");
        }
        // Forms that carry an address of the old kind: 6to4, NAT64, IPv4-compatible.
        let inner = match segments {
            [0x2002, high, low, ..] => Some((high, low)),
            [0x0064, 0xff9b, 0, 0, 0, 0, high, low] | [0, 0, 0, 0, 0, 0, high, low] => {
                Some((high, low))
            }
            _ => None,
        };
        match inner {
            Some((high, low)) => {
                self.check_v4(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
            }
            None => Ok(()),
        }
    }

    fn check_loopback(self) -> Result<(), &'static str> {
        match self.loopback {
            true => Ok(()),
            false => Err("it is this machine itself, and the server listens to others"),
        }
    }

    /// Checks a URL as far as can be told without asking for names; its addresses are checked again
    /// when it is used.
    ///
    /// # Errors
    /// What is wrong with it, as a fragment.
    pub fn check_url(self, text: &str) -> Result<Url, String> {
        if text.len() > URL_BYTES_MAX {
            return Err(format!("it is longer than {URL_BYTES_MAX} bytes"));
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err("it holds blanks or control characters".into());
        }
        let url = Url::parse(text).map_err(|e| e.to_string())?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("its scheme is {}, not http or https", url.scheme()));
        }
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or("it names no host")?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(address) = bare.parse::<IpAddr>() {
            self.check(address)?;
        } else if bare.trim_end_matches('.').eq_ignore_ascii_case("localhost") {
            self.check_loopback()?;
        }
        // The standard of browsers allows hosts that no request can name.
        if let Some(odd) =
            host.chars().find(|c| !(c.is_ascii_alphanumeric() || "-._:[]".contains(*c)))
        {
            return Err(format!("its host holds {odd:?}"));
        }
        Ok(url)
    }
}

/// Checks an address of mail: one address, ASCII, nothing that could end its header.
///
/// # Errors
/// What is wrong with it, as a fragment.
pub fn check_mail(text: &str) -> Result<(), &'static str> {
    if text.len() > MAIL_BYTES_MAX {
        return Err("it is longer than 254 bytes");
    }
    let (local, domain) = text.rsplit_once('@').ok_or("it has no @")?;
    let local_ok = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~.-".contains(&b);
    let dots_ok = |part: &str| part.split('.').all(|piece| !piece.is_empty());
    if local.is_empty() || local.len() > 64 || !local.bytes().all(local_ok) || !dots_ok(local) {
        return Err("what stands before the @ is no name of a mailbox");
    }
    let domain_ok = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
    if domain.is_empty()
        || !domain.bytes().all(domain_ok)
        || !dots_ok(domain)
        || domain.starts_with('-')
    {
        return Err("what stands behind the @ is no name of a host");
    }
    Ok(())
}

/// Returns a text that can stand in a header: one line, at most `max` bytes.
pub fn one_line(text: &str, max: usize) -> String {
    let blank =
        |c: char| if c.is_control() || c == '\u{2028}' || c == '\u{2029}' { ' ' } else { c };
    let mut line: String = text.chars().map(blank).collect();
    crate::template::cut(&mut line, max);
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_point_inside_are_refused() {
        let outside = Reach { loopback: false };
        for url in [
            "http://169.254.169.254/latest/meta-data/",
            "http://[::ffff:169.254.169.254]/",
            "http://2852039166/",
            "http://0xa9.0xfe.0xa9.0xfe/",
            "http://[fe80::1]/",
            "http://[fd00:ec2::254]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[2002:a9fe:a9fe::]/",
            "http://[::169.254.169.254]/",
            "http://100.100.100.200/",
            "http://127.0.0.1:4280/-/reset",
            "http://127.1/",
            "http://localhost/",
            "http://LOCALHOST./",
            "http://[::1]/",
            "http://0.0.0.0/",
            "http://[::]/",
            "http://224.0.0.1/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "gopher://example.com/",
            "http://exa mple.com/",
            "http://example.com/\r\nX: y",
            "example.com",
            "",
        ] {
            assert!(outside.check_url(url).is_err(), "{url}");
        }
        for url in [
            "https://example.com/hook?x=1",
            "http://10.1.2.3:8080/",
            "http://user:pw@hooks.local/",
            "http://[2001:db8::1]/",
        ] {
            assert!(outside.check_url(url).is_ok(), "{url}");
        }
        let inside = Reach { loopback: true };
        assert!(inside.check_url("http://127.0.0.1:9/x").is_ok());
        assert!(inside.check_url("http://169.254.169.254/").is_err());
    }

    #[test]
    fn addresses_of_mail_cannot_leave_their_header() {
        for good in ["a@b", "ann.o-hara+x@mail.example.com", "o'neill@example.com"] {
            assert_eq!(check_mail(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a",
            "@b",
            "a@",
            "a b@c",
            "a@b\r\nBcc: x@y",
            "a@b,c@d",
            "<a@b>",
            "a@b>",
            "\"a\"@b",
            "a@b c",
            "a..b@c",
            ".a@c",
            "a@b..c",
            "a@-b",
            "a\u{0}@b",
            "ä@b",
            "a@b;c",
            "a:b@c",
        ] {
            assert!(check_mail(bad).is_err(), "{bad:?}");
        }
        assert!(check_mail(&format!("{}@b", "a".repeat(65))).is_err());
        assert_eq!(one_line("ALARM:\r\nBcc: x@y \u{2028}", 100), "ALARM:  Bcc: x@y");
        assert_eq!(one_line("éé", 3), "é");
    }
}

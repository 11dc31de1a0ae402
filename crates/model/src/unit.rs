//! CloudWatch's units. Part of a series' identity; never converted.

use std::fmt;
use std::str::FromStr;

macro_rules! units {
    ($($code:literal $variant:ident $name:literal),* $(,)?) => {
        /// A unit, as `StandardUnit` of the CloudWatch API. The number is its code in files.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
        #[repr(u8)]
        #[expect(missing_docs, reason = "the names say all there is to say")]
        pub enum Unit { #[default] None = 0, $($variant = $code),* }

        impl Unit {
            /// All units, in the order of their codes.
            pub const ALL: &'static [Unit] = &[Unit::None, $(Unit::$variant),*];

            /// Returns the name that the CloudWatch API uses, such as `Bytes/Second`.
            pub fn name(self) -> &'static str {
                match self { Unit::None => "None", $(Unit::$variant => $name),* }
            }

            /// Returns the unit with this code, if there is one.
            pub fn from_code(code: u8) -> Option<Unit> {
                match code { 0 => Some(Unit::None), $($code => Some(Unit::$variant),)* _ => None }
            }
        }

        impl FromStr for Unit {
            type Err = ();
            fn from_str(text: &str) -> Result<Unit, ()> {
                match text { "None" => Ok(Unit::None), $($name => Ok(Unit::$variant),)* _ => Err(()) }
            }
        }
    };
}

units! {
    1 Seconds "Seconds", 2 Microseconds "Microseconds", 3 Milliseconds "Milliseconds",
    4 Bytes "Bytes", 5 Kilobytes "Kilobytes", 6 Megabytes "Megabytes", 7 Gigabytes "Gigabytes",
    8 Terabytes "Terabytes", 9 Bits "Bits", 10 Kilobits "Kilobits", 11 Megabits "Megabits",
    12 Gigabits "Gigabits", 13 Terabits "Terabits", 14 Percent "Percent", 15 Count "Count",
    16 BytesPerSecond "Bytes/Second", 17 KilobytesPerSecond "Kilobytes/Second",
    18 MegabytesPerSecond "Megabytes/Second", 19 GigabytesPerSecond "Gigabytes/Second",
    20 TerabytesPerSecond "Terabytes/Second", 21 BitsPerSecond "Bits/Second",
    22 KilobitsPerSecond "Kilobits/Second", 23 MegabitsPerSecond "Megabits/Second",
    24 GigabitsPerSecond "Gigabits/Second", 25 TerabitsPerSecond "Terabits/Second",
    26 CountPerSecond "Count/Second",
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Unit;

    #[test]
    fn names_and_codes_are_undone() {
        assert_eq!(Unit::ALL.len(), 27);
        for (code, &unit) in Unit::ALL.iter().enumerate() {
            assert_eq!(unit.name().parse::<Unit>(), Ok(unit));
            assert_eq!(Unit::from_code(code as u8), Some(unit));
        }
        assert_eq!(Unit::from_code(27), None);
        assert!("bytes".parse::<Unit>().is_err());
    }
}

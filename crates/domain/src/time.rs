//! A moment: UTC, in microseconds, as it is stored.
use std::{fmt, str::FromStr, time::Duration};

/// Microseconds since 1970-01-01T00:00:00Z. Printed as RFC 3339 with `Z` and six digits (spec v1 2.6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }
    /// Microseconds since the epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }
    /// Whole seconds since the epoch, rounded down.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }
    /// This moment and so many seconds; saturates at the ends of time.
    #[must_use]
    pub const fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }
    /// The time from `earlier` to here; zero if it is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
    fn civil(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::MAX)
    }
    /// Hour of the day in UTC, 0 to 23.
    pub const fn hour(self) -> i64 {
        self.seconds().rem_euclid(86_400) / 3_600
    }
    /// Day of the week in UTC, Monday 1 to Sunday 7 (ISO 8601).
    pub const fn weekday(self) -> i64 {
        (self.seconds().div_euclid(86_400) + 3).rem_euclid(7) + 1
    }
}
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PRINTER: jiff::fmt::temporal::DateTimePrinter =
            jiff::fmt::temporal::DateTimePrinter::new().precision(Some(6));
        PRINTER.print_timestamp(&self.civil(), jiff::fmt::StdFmtWrite(f)).map_err(|_| fmt::Error)
    }
}
impl FromStr for Timestamp {
    type Err = jiff::Error;
    /// RFC 3339, with any offset; digits beyond the microsecond are cut.
    fn from_str(s: &str) -> Result<Self, Self::Err> {
        s.parse::<jiff::Timestamp>().map(|t| Self(t.as_microsecond()))
    }
}
impl serde::Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}
impl<'de> serde::Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_six_digits_and_reads_itself_back() {
        for (micros, text) in [
            (0, "1970-01-01T00:00:00.000000Z"),
            (1_795_339_304_120_583, "2026-11-22T09:21:44.120583Z"),
            (-1, "1969-12-31T23:59:59.999999Z"),
        ] {
            let t = Timestamp::from_micros(micros);
            assert_eq!(t.to_string(), text);
            assert_eq!(text.parse::<Timestamp>().unwrap(), t);
        }
        assert_eq!("2026-11-22T10:21:44+01:00".parse::<Timestamp>().unwrap().micros(), 1_795_339_304_000_000);
    }

    #[test]
    fn knows_the_hour_and_the_weekday() {
        let sunday: Timestamp = "2026-11-22T09:15:04Z".parse().unwrap();
        assert_eq!((sunday.hour(), sunday.weekday()), (9, 7));
        assert_eq!(sunday.plus_seconds(86_400).weekday(), 1);
    }
}

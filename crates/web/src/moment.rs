//! Moments as people say them. Without a script a page does not know where its reader is: days are those of UTC, and what was lately
//! is told by how long ago it was.
use portcullis_domain::Timestamp;

use crate::texts::{Texts, fill};

/// The day, such as `22 November 2026`.
pub(crate) fn date(t: &Texts, at: Timestamp) -> String {
    let at = jiff::Timestamp::from_microsecond(at.micros()).unwrap_or(jiff::Timestamp::MAX);
    let at = jiff::tz::Offset::UTC.to_datetime(at);
    let month = usize::try_from(at.month()).ok().and_then(|m| t.months.split(' ').nth(m.saturating_sub(1)));
    let (day, year) = (at.day().to_string(), at.year().to_string());
    fill(t.date, &[("day", &day), ("month", month.unwrap_or_default()), ("year", &year)])
}

/// How long ago it was; the day, if that was over a week ago.
pub(crate) fn ago(t: &Texts, now: Timestamp, at: Timestamp) -> String {
    let n = |many: &str, count: u64| fill(many, &[("n", &count.to_string())]);
    match now.since(at).as_secs() / 60 {
        0 => t.just_now.to_owned(),
        1 => t.minute_ago.to_owned(),
        m @ 2..60 => n(t.minutes_ago, m),
        m @ 60..120 => n(t.hour_ago, m / 60),
        m @ 120..1_440 => n(t.hours_ago, m / 60),
        m @ 1_440..2_880 => n(t.day_ago, m / 1_440),
        m @ 2_880..10_080 => n(t.days_ago, m / 1_440),
        _ => date(t, at),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::texts::EN;

    #[test]
    fn moments_as_people_say_them() {
        let now: Timestamp = "2026-11-22T09:15:04Z".parse().unwrap();
        assert_eq!(date(&EN, now), "22 November 2026");
        for (seconds, said) in [
            (-5, "just now"),
            (59, "just now"),
            (60, "a minute ago"),
            (3_599, "59 minutes ago"),
            (3_600, "an hour ago"),
            (7_200, "2 hours ago"),
            (86_400, "yesterday"),
            (6 * 86_400, "6 days ago"),
            (10 * 86_400, "12 November 2026"),
        ] {
            assert_eq!(ago(&EN, now, now.plus_seconds(-seconds)), said, "{seconds}");
        }
    }
}

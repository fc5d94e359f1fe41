//! Wrong passwords are counted, and slow down whoever guesses (decision 36, spec v1 2.8): each place by itself, so that nobody locks an
//! account's owner out, and all strangers of an account together, so that many places guess no faster.
use std::net::IpAddr;

use data_encoding::HEXLOWER;
use portcullis_domain::value::Email;
use portcullis_domain::{Code, Ctx, Error, Id, Result, Timestamp};
use portcullis_store::attempt::Attempts;
use portcullis_store::{Tx, attempt, session, user};
use uuid::Uuid;

use crate::App;
use crate::tenancy::Tenancy;

/// Wrong tries of one place are forgotten after so long without any; its wait is never longer.
const WINDOW_SECONDS: i64 = 15 * 60;
/// So many tries of one place are free.
const FREE: i64 = 10;
/// So many tries of an account's strangers are made in one minute, wherever they come from.
const STRANGERS: i64 = 10;
const MINUTE: i64 = 60;

impl App {
    /// What an account's tries are counted under; those of one place under this and the place.
    pub(crate) async fn account(&self, cx: &Ctx, account: &str) -> Result<String> {
        let tenancy = self.tenancy_of(cx.tenant).await?;
        Ok(digest(&tenancy, "account", account))
    }
    /// Counts a try before it is made, so that many at once cannot slip through; a right one clears the account. 429 while a place that
    /// the account does not know waits: after 10 tries in 15 minutes 30 s, doubling to 15 min; or while the account's strangers
    /// have had their ten tries of this minute. Unknown accounts wait alike. A place from which the account signed in before
    /// does not wait: it has the limit for each address. So whoever guesses keeps an owner who is somewhere new waiting for a
    /// minute at a time, and everywhere else not at all.
    pub(crate) async fn reserve_attempt(&self, cx: &Ctx, account: &str) -> Result<()> {
        self.reserve_login(cx, account, None).await
    }
    /// The same at the door: whoever names a tenant that is not there, whose slug is `elsewhere`, is counted as well.
    pub(crate) async fn reserve_login(&self, cx: &Ctx, account: &str, elsewhere: Option<&str>) -> Result<()> {
        let tenancy = self.tenancy_of(cx.tenant).await?;
        let subject = match elsewhere {
            None => digest(&tenancy, "account", account),
            Some(slug) => digest(&tenancy, "elsewhere", &format!("{slug}\n{account}")),
        };
        // what does not come over the network has no place, and only the bound of all strangers
        let here = cx.ip.map(|ip| format!("{subject}/{}", digest(&tenancy, "place", &place(ip))));
        let c = Try { account: subject, here, email: Email::parse(account).ok(), there: elsewhere.is_none() };
        self.0.db.write(cx.clone(), c, reserve).await.map_err(Error::from)
    }
}

/// What is counted under: a digest, so that the table holds no addresses.
pub(crate) fn digest(tenancy: &Tenancy, kind: &str, value: &str) -> String {
    let tag = tenancy.idempotency.tag(&[b"attempts", kind.as_bytes(), value.as_bytes()]);
    HEXLOWER.encode(&tag[..16])
}
/// An address; of IPv6 its network, of which one customer has all addresses.
pub(crate) fn place(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("{:x?}", &ip.segments()[..4]),
    }
}

struct Try {
    account: String,
    here: Option<String>,
    email: Option<Email>,
    /// Is there a tenant that was named?
    there: bool,
}
async fn reserve(tx: &mut Tx, c: &Try) -> portcullis_store::Result<()> {
    let now = tx.cx.now;
    if let Some(email) = &c.email {
        // the same statements whether somebody is there or not
        let user = user::facts_by_email(tx, email).await?.map_or(Id::from_uuid(Uuid::nil()), |u| u.id);
        let known: Vec<String> = session::addresses(tx, user).await?.into_iter().map(place).collect();
        let here = tx.cx.ip.map(place);
        // what is tried from a known place takes nothing from strangers either
        if c.there && here.is_some_and(|here| known.contains(&here)) {
            return Ok(());
        }
    }
    let all = attempt::find(tx, &c.account).await?.unwrap_or_default();
    let here = match &c.here {
        Some(here) => attempt::find(tx, here).await?.unwrap_or_default(),
        None => Attempts::default(),
    };
    let until = here.blocked_until.max(all.blocked_until);
    if until > now {
        return Err(wait(until, now, "Too many wrong passwords.").into());
    }
    if let Some(subject) = &c.here {
        attempt::set(tx, subject, &after_failure(here, now)).await?;
    }
    attempt::set(tx, &c.account, &in_a_minute(all, now, STRANGERS)).await
}

/// One more wrong try of one place.
pub(crate) fn after_failure(a: Attempts, now: Timestamp) -> Attempts {
    let fresh =
        a.window_start.plus_seconds(WINDOW_SECONDS) <= now && a.blocked_until.plus_seconds(WINDOW_SECONDS) <= now;
    let failures = if fresh { 1 } else { a.failures + 1 };
    let window_start = if fresh { now } else { a.window_start };
    let wait = match failures - FREE {
        n if n < 0 => 0,
        n => 30_i64.saturating_mul(1_i64 << n.min(5)).min(WINDOW_SECONDS),
    };
    Attempts { failures, window_start, blocked_until: now.plus_seconds(wait) }
}
/// 429, with the reason and when to try again.
pub(crate) fn wait(until: Timestamp, now: Timestamp, why: &str) -> Error {
    let wait = i64::try_from(until.since(now).as_secs()).unwrap_or(i64::MAX).saturating_add(1);
    let e = Error::new(Code::RateLimited, format!("{why} Try again in {wait} seconds."));
    e.detail("retry_after_seconds", wait)
}
/// One more of what may be done so often a minute: after the last of them others wait for the next minute.
pub(crate) fn in_a_minute(a: Attempts, now: Timestamp, most: i64) -> Attempts {
    let over = a.window_start.plus_seconds(MINUTE);
    // a clock that jumped back begins anew
    if over <= now || now < a.window_start {
        return Attempts { failures: 1, window_start: now, blocked_until: now };
    }
    let failures = a.failures + 1;
    Attempts { failures, blocked_until: if failures < most { now } else { over }, ..a }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros((1_795_339_304 + second) * 1_000_000)
    }

    #[test]
    fn the_eleventh_failure_waits_and_the_wait_doubles_up_to_a_quarter_of_an_hour() {
        let (mut a, mut now, mut waits) = (Attempts::default(), at(0), vec![]);
        for _ in 0..18 {
            a = after_failure(a, now);
            waits.push(a.blocked_until.since(now).as_secs());
            now = a.blocked_until.plus_seconds(1);
        }
        assert!(waits[..9].iter().all(|w| *w == 0), "{waits:?}");
        assert_eq!(waits[9..], [30, 60, 120, 240, 480, 900, 900, 900, 900]);
        assert_eq!(after_failure(a, now.plus_seconds(3_600)).failures, 1, "an hour forgives");
    }

    #[test]
    fn one_customer_is_one_place() {
        let of = |ip: &str| place(ip.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }

    /// One account as its strangers see it: `None` when the try is made, else how long it waits.
    #[derive(Default)]
    struct Account {
        places: HashMap<u8, Attempts>,
        all: Attempts,
    }
    impl Account {
        fn wait(&self, place: u8, now: Timestamp) -> u64 {
            let here = self.places.get(&place).copied().unwrap_or_default();
            here.blocked_until.max(self.all.blocked_until).since(now).as_secs()
        }
        fn guess(&mut self, place: u8, now: Timestamp) -> bool {
            if self.wait(place, now) > 0 {
                return false;
            }
            let here = self.places.entry(place).or_default();
            *here = after_failure(*here, now);
            self.all = in_a_minute(self.all, now, STRANGERS);
            true
        }
    }

    proptest! {
        /// Whoever guesses, from however many places and whenever: there are at most ten tries in a minute that began with one, few from
        /// each place, and an owner at a new place never waits for longer than a minute.
        #[test]
        fn guessing_is_slow_and_locks_nobody_out(tries in proptest::collection::vec((0_u8..40, 0_i64..90), 1..600)) {
            let (mut account, mut now, mut made) = (Account::default(), 0, Vec::<(u8, i64)>::new());
            for (place, gap) in tries {
                now += gap;
                if account.guess(place, at(now)) {
                    made.push((place, now));
                }
                prop_assert!(account.wait(u8::MAX, at(now)) <= 60, "somewhere new");
            }
            for (place, from) in &made {
                let minute = made.iter().filter(|(_, t)| (*from..from + 60).contains(t)).count();
                prop_assert!(minute < 2 * STRANGERS as usize, "{minute}");
                let here = |seconds: i64| made.iter().filter(|(p, t)| p == place && (*from..from + seconds).contains(t)).count();
                // ten, and one for each wait: 30, 60, 120, … seconds
                prop_assert!(here(900) <= 16 && here(3_600) <= 50, "{} {}", here(900), here(3_600));
            }
        }

        /// However long somebody guessed from one place, an owner elsewhere is let in at once, a minute later at the latest.
        #[test]
        fn one_place_never_keeps_the_owner_out(gaps in proptest::collection::vec(0_i64..1_000, 1..300)) {
            let (mut account, mut now) = (Account::default(), 0);
            for gap in gaps {
                now += gap;
                account.guess(1, at(now));
            }
            let wait = account.wait(2, at(now)) as i64;
            prop_assert!(wait <= 60);
            prop_assert!(account.guess(2, at(now + wait)));
        }
    }
}

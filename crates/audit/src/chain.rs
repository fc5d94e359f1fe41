//! The verifier: fed with the entries of one tenant in the order of `seq` and with checkpoints, it says whether anything was
//! changed, taken out, cut off, or erased without a record.
//!
//! It streams. What it keeps grows only with what cannot be settled yet: 16 bytes for each run of erased entries and for
//! each range that an `audit.redacted` names (the record comes later than the entries it explains), and each checkpoint
//! whose entry is still to come.
use std::{collections::BTreeMap, fmt};

use portcullis_crypto::signing::VerifyingKey;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    GENESIS, PERSONAL,
    checkpoint::Checkpoint,
    entry::Row,
    erasure, fill, jcs, link,
    private::{self, Private},
    unhex,
};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The entry, its number, or its link to the one before was changed; or it is not what a checkpoint says it was.
    Hash,
    /// An entry is missing before one that is there.
    Gap,
    /// A checkpoint was not signed by a key that we know.
    Signature,
    /// A checkpoint knows of entries after the last one.
    Truncated,
    /// A value does not belong to its digest, or is missing without a recorded erasure.
    Digest,
}
impl Kind {
    /// The word in the API (spec v1 4.16).
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hash => "hash",
            Self::Gap => "gap",
            Self::Signature => "signature",
            Self::Truncated => "truncated",
            Self::Digest => "digest",
        }
    }
}

/// The first thing that is wrong, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub struct Problem {
    /// The entry: of a gap or a cut the first one that is missing.
    pub seq: i64,
    /// What.
    pub kind: Kind,
}
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seq = self.seq;
        match self.kind {
            Kind::Hash => write!(f, "entry {seq} was changed"),
            Kind::Gap => write!(f, "entry {seq} is missing"),
            Kind::Signature => write!(f, "the checkpoint at entry {seq} was not signed by a known key"),
            Kind::Truncated => write!(f, "the log is cut off: entry {seq} and later ones are missing"),
            Kind::Digest => write!(f, "personal data of entry {seq} was changed, or erased without a record"),
        }
    }
}

/// What the verifier found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// How many entries were checked.
    pub checked: u64,
    /// The first of them.
    pub first_seq: Option<i64>,
    /// The last of them. What comes after [`Report::last_checkpoint`] is chained but not signed yet.
    pub last_seq: Option<i64>,
    /// The last entry that a checkpoint vouches for.
    pub last_checkpoint: Option<i64>,
    /// What is wrong, if anything.
    pub problem: Option<Problem>,
}
impl Report {
    /// Is all well?
    pub fn is_ok(&self) -> bool {
        self.problem.is_none()
    }
    /// As the API answers it (spec v1 4.16).
    pub fn to_value(&self) -> Value {
        let mut value = json!({
            "ok": self.is_ok(), "checked": self.checked, "first_seq": self.first_seq, "last_seq": self.last_seq,
            "last_checkpoint": self.last_checkpoint,
        });
        if let Some(Problem { seq, kind }) = self.problem {
            value["problem"] = json!({ "seq": seq, "kind": kind.as_str() });
        }
        value
    }
}

/// Where the entries begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At 1: the whole log.
    Genesis,
    /// After an entry whose hash the caller trusts.
    After {
        /// Its number.
        seq: i64,
        /// Its hash.
        hash: [u8; 32],
    },
    /// Wherever the first entry is. Unless that is 1, its link to the one before is taken on trust; a first row without
    /// [`Row::prev_hash`] has no link to check, and its body is taken on trust too.
    Anywhere,
}

/// Checks a chain, entry by entry. After the first problem nothing more is looked at.
#[derive(Debug)]
pub struct Verifier {
    tenant: Uuid,
    keys: Vec<VerifyingKey>,
    /// The last entry: number and hash. `None` before the first one of [`Start::Anywhere`].
    head: Option<(i64, [u8; 32])>,
    /// Checkpoints whose entry is still to come.
    ahead: BTreeMap<i64, [u8; 32]>,
    missing: Vec<(i64, i64)>,
    erased: BTreeMap<i64, i64>,
    report: Report,
}
impl Verifier {
    /// For the entries of this tenant. `keys` are the public halves of the audit keys, old ones too.
    pub fn new(tenant: Uuid, start: Start, keys: &[VerifyingKey]) -> Self {
        let head = match start {
            Start::Genesis => Some((0, GENESIS)),
            Start::After { seq, hash } => Some((seq, hash)),
            Start::Anywhere => None,
        };
        Self {
            tenant,
            keys: keys.to_vec(),
            head,
            ahead: BTreeMap::new(),
            missing: vec![],
            erased: BTreeMap::new(),
            report: Report::default(),
        }
    }
    /// The next checkpoint: a stored one right after its entry; a stored or kept one also any time before it. One of an
    /// entry from before the start vouches for nothing here, but its signature is checked.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), Problem> {
        self.go_on()?;
        let seq = checkpoint.seq;
        if checkpoint.tenant_id != self.tenant || !checkpoint.verify(&self.keys) {
            return self.stop(seq, Kind::Signature);
        }
        match self.head {
            Some((head, hash)) if head == seq => self.compare(seq, &hash, &checkpoint.hash),
            // too late to compare: whoever feeds us has them out of order
            Some((head, _)) if head > seq && self.report.first_seq.is_some_and(|first| first <= seq) => {
                self.stop(seq, Kind::Hash)
            }
            Some((head, _)) if head > seq => Ok(()),
            _ => match self.ahead.insert(seq, checkpoint.hash) {
                Some(other) if other != checkpoint.hash => self.stop(seq, Kind::Hash),
                _ => Ok(()),
            },
        }
    }
    /// Entries known to be erased by a record that is not among those fed (when only a part of the log is verified).
    pub fn erased(&mut self, from: i64, to: i64) {
        // overlapping ranges are joined, so that many records of the same entries cost nothing
        let (mut from, mut to) = (from, to);
        if from > to {
            return;
        }
        while let Some((&a, &b)) = self.erased.range(..=to.saturating_add(1)).next_back() {
            if b.saturating_add(1) < from {
                break;
            }
            self.erased.remove(&a);
            (from, to) = (from.min(a), to.max(b));
        }
        self.erased.insert(from, to);
    }
    /// The next entry.
    pub fn entry(&mut self, row: &Row<'_>) -> Result<(), Problem> {
        let canonical = fill(row.body, row.hole, row.seq);
        self.sealed(row.seq, row.prev_hash, row.hash, &canonical, Private::parse(row.private).ok().as_ref())
    }
    /// `private` is `None` when it could not be read.
    pub(crate) fn sealed(
        &mut self,
        seq: i64,
        prev_hash: Option<[u8; 32]>,
        hash: [u8; 32],
        canonical: &[u8],
        private: Option<&Private>,
    ) -> Result<(), Problem> {
        self.go_on()?;
        let prev = match self.head {
            Some((head, prev)) if head.checked_add(1) == Some(seq) => Some(prev),
            Some((head, _)) => return self.stop(head.saturating_add(1), Kind::Gap),
            None if seq < 1 => return self.stop(seq, Kind::Hash),
            None if seq == 1 => Some(GENESIS),
            None => prev_hash,
        };
        if prev_hash.is_some_and(|stored| prev != Some(stored))
            || prev.is_some_and(|prev| link(&prev, canonical) != hash)
        {
            return self.stop(seq, Kind::Hash);
        }
        let Ok(envelope) = serde_json::from_slice::<Envelope>(canonical) else { return self.stop(seq, Kind::Hash) };
        if envelope.seq != seq || envelope.tenant_id != self.tenant {
            return self.stop(seq, Kind::Hash);
        }
        let Some(private) = private else { return self.stop(seq, Kind::Digest) };
        match envelope.compare(private) {
            Values::Whole => {}
            Values::Missing => match self.missing.last_mut() {
                Some((_, to)) if *to + 1 == seq => *to = seq,
                _ => self.missing.push((seq, seq)),
            },
            Values::Wrong => return self.stop(seq, Kind::Digest),
        }
        if envelope.action == erasure::REDACTED
            && let Some(metadata) = private.values.get("metadata")
        {
            // a record explains what came before it, never what is still to come
            erasure::ranges(metadata).for_each(|(from, to)| self.erased(from, to.min(seq - 1)));
        }
        self.head = Some((seq, hash));
        self.report.checked += 1;
        self.report.first_seq.get_or_insert(seq);
        self.report.last_seq = Some(seq);
        match self.ahead.remove(&seq) {
            Some(said) => self.compare(seq, &hash, &said),
            None => Ok(()),
        }
    }
    /// After the last entry: what was found.
    pub fn finish(mut self) -> Report {
        if self.report.problem.is_none() {
            let next = self.head.map_or(1, |(head, _)| head.saturating_add(1));
            let unexplained = self.missing.iter().find_map(|m| self.unexplained(*m));
            let ahead = self.ahead.range(next..).next();
            self.report.problem = match (unexplained, ahead) {
                (Some(seq), _) => Some(Problem { seq, kind: Kind::Digest }),
                (None, Some(_)) => Some(Problem { seq: next, kind: Kind::Truncated }),
                (None, None) => None,
            };
        }
        self.report
    }
    /// The first entry of this run that no record explains.
    fn unexplained(&self, (mut from, to): (i64, i64)) -> Option<i64> {
        while from <= to {
            match self.erased.range(..=from).next_back() {
                Some((_, end)) if *end >= to => return None,
                Some((_, end)) if *end >= from => from = *end + 1,
                _ => return Some(from),
            }
        }
        None
    }
    fn compare(&mut self, seq: i64, is: &[u8; 32], said: &[u8; 32]) -> Result<(), Problem> {
        if is != said {
            return self.stop(seq, Kind::Hash);
        }
        self.report.last_checkpoint = Some(seq);
        Ok(())
    }
    fn go_on(&self) -> Result<(), Problem> {
        self.report.problem.map_or(Ok(()), Err)
    }
    fn stop(&mut self, seq: i64, kind: Kind) -> Result<(), Problem> {
        let problem = Problem { seq, kind };
        self.report.problem = Some(problem);
        Err(problem)
    }
}

/// What the verifier reads of a body. All other fields are covered by the hash.
#[derive(Deserialize)]
struct Envelope {
    action: String,
    seq: i64,
    tenant_id: Uuid,
    actor_name: Value,
    changes: Value,
    ip: Value,
    metadata: Value,
    reasoning: Value,
    user_agent: Value,
}

enum Values {
    Whole,
    Missing,
    Wrong,
}

impl Envelope {
    fn compare(&self, private: &Private) -> Values {
        let digests = [&self.actor_name, &self.changes, &self.ip, &self.metadata, &self.reasoning, &self.user_agent];
        let (mut present, mut missing) = (0, false);
        for (field, digest) in PERSONAL.into_iter().zip(digests) {
            if private::is_empty(digest) {
                continue;
            }
            let Some(digest) = digest.as_str().and_then(unhex) else { return Values::Wrong };
            match (private.values.get(field), private.salt(field)) {
                (Some(value), Some(salt)) if private::digest(salt, &jcs::to_string(value)) == digest => present += 1,
                (Some(_), _) => return Values::Wrong,
                (None, _) => missing = true,
            }
        }
        // a value where the body knows of none was put there by someone else
        if present != private.values.len() {
            Values::Wrong
        } else if missing {
            Values::Missing
        } else {
            Values::Whole
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::{Prepared, prepare, prepare::tests::*};
    use portcullis_crypto::{random::OsRandom, signing::SigningKey};
    use portcullis_domain::{Id, Timestamp};
    use proptest::prelude::*;
    use std::sync::LazyLock;

    pub(crate) static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(&OsRandom));

    #[derive(Clone)]
    pub(crate) struct Kept {
        pub seq: i64,
        pub prev: [u8; 32],
        pub hash: [u8; 32],
        pub body: Vec<u8>,
        pub hole: usize,
        pub private: String,
    }
    impl Kept {
        pub(crate) fn row(&self) -> Row<'_> {
            let Self { seq, prev, hash, body, hole, private } = self;
            Row { seq: *seq, prev_hash: Some(*prev), hash: *hash, body, hole: *hole, private }
        }
    }
    pub(crate) fn append(log: &mut Vec<Kept>, p: Prepared) {
        let seq = log.last().map_or(1, |e| e.seq + 1);
        let prev = log.last().map_or(GENESIS, |e| e.hash);
        let hash = link(&prev, &p.canonical(seq));
        log.push(Kept { seq, prev, hash, body: p.body, hole: p.hole, private: p.private });
    }
    pub(crate) fn log(n: u8) -> Vec<Kept> {
        let mut log = vec![];
        (1..=n).for_each(|i| append(&mut log, prepare(&ctx(session()), created(i.into()), [i; 32])));
        log
    }
    pub(crate) fn record(log: &mut Vec<Kept>, seqs: &[(i64, i64)]) {
        let event = erasure::redacted(Id::from_uuid(Uuid::from_u128(99)), Uuid::from_u128(1), seqs);
        append(log, prepare(&ctx(session()), event, [99; 32]));
    }
    pub(crate) fn checkpoint(log: &[Kept], seq: i64) -> Checkpoint {
        let hash = log[usize::try_from(seq).unwrap() - 1].hash;
        Checkpoint::sign(&KEY, Uuid::from_u128(1), TENANT, seq, hash, Timestamp::from_micros(5))
    }
    fn verifier(start: Start) -> Verifier {
        Verifier::new(TENANT, start, &[KEY.verifying().clone()])
    }
    fn verify(log: &[Kept], checkpoints: &[Checkpoint]) -> Report {
        let mut v = verifier(Start::Genesis);
        let fed = checkpoints.iter().try_for_each(|c| v.checkpoint(c));
        let _ = fed.and_then(|()| log.iter().try_for_each(|e| v.entry(&e.row())));
        v.finish()
    }
    fn problem(log: &[Kept], checkpoints: &[Checkpoint]) -> Option<(i64, Kind)> {
        verify(log, checkpoints).problem.map(|p| (p.seq, p.kind))
    }

    #[test]
    fn an_untouched_log_verifies() {
        let log = log(5);
        let want =
            Report { checked: 5, first_seq: Some(1), last_seq: Some(5), last_checkpoint: Some(4), problem: None };
        assert_eq!(verify(&log, &[checkpoint(&log, 2), checkpoint(&log, 4)]), want);
        assert_eq!(verify(&[], &[]), Report::default());
        assert_eq!(want.to_value()["ok"], true);
        let mut v = verifier(Start::Genesis);
        for e in &log {
            v.entry(&e.row()).unwrap();
            v.checkpoint(&checkpoint(&log, e.seq)).unwrap();
        }
        assert_eq!(v.finish().last_checkpoint, Some(5));
    }

    #[test]
    fn a_part_of_the_log_verifies() {
        let log = log(6);
        for start in [Start::After { seq: 3, hash: log[2].hash }, Start::Anywhere] {
            let mut v = verifier(start);
            v.checkpoint(&checkpoint(&log, 2)).unwrap();
            v.checkpoint(&checkpoint(&log, 5)).unwrap();
            log[3..].iter().for_each(|e| v.entry(&e.row()).unwrap());
            let report = v.finish();
            assert_eq!((report.checked, report.last_checkpoint, report.problem), (3, Some(5), None), "{start:?}");
        }
        let mut v = verifier(Start::After { seq: 3, hash: log[1].hash });
        assert_eq!(v.entry(&log[3].row()).unwrap_err(), Problem { seq: 4, kind: Kind::Hash });
    }

    #[test]
    fn sec_20_a_missing_entry_is_a_gap() {
        for i in 0..4 {
            let mut log = log(5);
            log.remove(i);
            assert_eq!(problem(&log, &[]), Some((i as i64 + 1, Kind::Gap)));
        }
        let mut twice = log(3);
        twice.insert(1, twice[0].clone());
        assert_eq!(problem(&twice, &[]), Some((2, Kind::Gap)));
    }

    #[test]
    fn sec_20_a_cut_tail_is_seen_against_a_kept_checkpoint() {
        let log = log(5);
        let kept = checkpoint(&log, 4);
        assert_eq!(problem(&log[..3], std::slice::from_ref(&kept)), Some((4, Kind::Truncated)));
        assert_eq!(problem(&log[..0], std::slice::from_ref(&kept)), Some((1, Kind::Truncated)));
        assert_eq!(problem(&log[..4], &[kept]), None, "what comes after the checkpoint it cannot know");
    }

    #[test]
    fn sec_20_a_rewritten_log_is_seen_against_a_kept_checkpoint() {
        let kept = checkpoint(&log(5), 3);
        let mut other = vec![];
        (11..=15).for_each(|i: u8| append(&mut other, prepare(&ctx(session()), created(i.into()), [i; 32])));
        assert_eq!(problem(&other, &[]), None);
        assert_eq!(problem(&other, &[kept]), Some((3, Kind::Hash)));
    }

    #[test]
    fn sec_20_a_checkpoint_must_be_signed_by_a_key_of_ours_for_this_tenant() {
        let log = log(3);
        let good = checkpoint(&log, 2);
        let stranger = SigningKey::generate(&OsRandom);
        let by_stranger = Checkpoint::sign(&stranger, good.id, TENANT, 2, good.hash, good.created_at);
        let posing = Checkpoint { key_id: KEY.id().into(), ..by_stranger.clone() };
        let elsewhere = Checkpoint::sign(&KEY, good.id, Uuid::nil(), 2, good.hash, good.created_at);
        let mut bent = good.clone();
        bent.signature[0] ^= 1;
        for c in [by_stranger, posing, elsewhere, bent, Checkpoint { seq: 2, hash: [1; 32], ..good.clone() }] {
            assert_eq!(problem(&log, std::slice::from_ref(&c)), Some((2, Kind::Signature)), "{c:?}");
        }
        let wrong = Checkpoint::sign(&KEY, good.id, TENANT, 2, [1; 32], good.created_at);
        assert_eq!(problem(&log, std::slice::from_ref(&wrong)), Some((2, Kind::Hash)));
        assert_eq!(problem(&log, &[good, wrong]), Some((2, Kind::Hash)));
    }

    #[test]
    fn sec_20_another_tenant_s_entries_are_no_part_of_this_log() {
        let log = log(2);
        let mut v = Verifier::new(Uuid::nil(), Start::Genesis, &[]);
        assert_eq!(v.entry(&log[0].row()).unwrap_err().kind, Kind::Hash);
        assert!(v.entry(&log[0].row()).is_err(), "it stays stopped");
        assert_eq!(v.finish().checked, 0);
    }

    #[test]
    fn sec_20_erased_with_a_record_verifies_and_without_is_reported() {
        let mut log = log(6);
        for i in [1, 2, 4] {
            log[i].private.clear();
        }
        assert_eq!(problem(&log, &[]), Some((2, Kind::Digest)));
        record(&mut log, &[(2, 3)]);
        assert_eq!(problem(&log, &[]), Some((5, Kind::Digest)));
        record(&mut log, &[(5, 5)]);
        assert_eq!(problem(&log, &[]), None);
        // the one who erased is erased in turn; what was recorded still counts
        log[6].private = erasure::erase(erasure::REDACTED, &log[6].private);
        assert_eq!(problem(&log, &[]), Some((7, Kind::Digest)));
        record(&mut log, &[(7, 7)]);
        assert_eq!(problem(&log, &[]), None);
        // without its metadata the record explains nothing
        log[6].private.clear();
        assert_eq!(problem(&log, &[]), Some((2, Kind::Digest)));
    }

    #[test]
    fn sec_20_a_record_explains_nothing_that_comes_after_it() {
        let mut log = log(1);
        record(&mut log, &[(1, 1_000_000)]);
        append(&mut log, prepare(&ctx(session()), created(3), [3; 32]));
        assert_eq!(problem(&log, &[]), None);
        log[2].private.clear();
        assert_eq!(problem(&log, &[]), Some((3, Kind::Digest)));
        let mut v = verifier(Start::Genesis);
        v.erased(3, i64::MAX);
        log.iter().for_each(|e| v.entry(&e.row()).unwrap());
        assert!(v.finish().is_ok(), "unless the caller knows of a later one");
    }

    #[test]
    fn sec_20_values_cannot_be_put_where_there_were_none() {
        let mut log = log(2);
        let mut cx = ctx(session());
        cx.ip = None;
        append(&mut log, prepare(&cx, created(3), [3; 32]));
        let mut with_ip = log.clone();
        with_ip[2].private = with_ip[2].private.replace("\"metadata\"", "\"ip\":\"192.0.2.9\",\"metadata\"");
        assert_eq!(problem(&with_ip, &[]), Some((3, Kind::Digest)));
        log[2].private = log[1].private.clone();
        assert_eq!(problem(&log, &[]), Some((3, Kind::Digest)));
    }

    #[test]
    fn ranges_are_joined() {
        let mut v = verifier(Start::Genesis);
        for (a, b) in [(5, 6), (1, 2), (9, 9), (3, 4), (8, 20), (7, 7), (30, 29), (10, 12)] {
            v.erased(a, b);
        }
        assert_eq!(v.erased.into_iter().collect::<Vec<_>>(), [(1, 20)]);
    }

    static LOG: LazyLock<Vec<Kept>> = LazyLock::new(|| {
        let mut log = log(4);
        log[1].private.clear();
        record(&mut log, &[(2, 2)]);
        log
    });

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_024))]
        #[test]
        fn sec_20_any_changed_byte_is_reported_at_its_entry(at in 0usize..5, what in 0u8..5, place: prop::sample::Index, bits in 1u8..) {
            let mut log = LOG.clone();
            let e = &mut log[at];
            let seq = e.seq;
            match what {
                0 => { let n = place.index(e.body.len()); e.body[n] ^= bits; }
                1 => { let n = place.index(32); e.hash[n] ^= bits; }
                2 => { let n = place.index(32); e.prev[n] ^= bits; }
                3 => e.hole = if place.index(2_000) == e.hole { 0 } else { place.index(2_000) },
                _ => {
                    prop_assume!(!e.private.is_empty());
                    let mut private = e.private.clone().into_bytes();
                    let n = place.index(private.len());
                    private[n] ^= bits;
                    let Ok(private) = String::from_utf8(private) else { return Ok(()) };
                    e.private = private;
                }
            }
            let kind = if what == 4 { Kind::Digest } else { Kind::Hash };
            prop_assert_eq!(problem(&log, &[]), Some((seq, kind)));
        }
        #[test]
        fn sec_20_anything_cut_from_a_private_part_is_reported(at in 0usize..5, place: prop::sample::Index) {
            let mut log = LOG.clone();
            prop_assume!(!log[at].private.is_empty());
            let n = place.index(log[at].private.len());
            log[at].private.truncate(n);
            // emptied: at 5 it was the record of the erasure at 2
            let seq = if at == 4 && n == 0 { 2 } else { log[at].seq };
            prop_assert_eq!(problem(&log, &[]), Some((seq, Kind::Digest)));
        }
    }
}

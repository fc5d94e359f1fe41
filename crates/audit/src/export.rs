//! Export: a tenant's log as NDJSON (spec v1 4.16), and its verification with nothing but the file and the public key.
//!
//! A line is an entry as the API shows it, and with it what verification needs: `tenant_id`, `digests` (field → hex, what
//! was hashed) and `salts` (field → base64url, where not erased). Between them `{"checkpoint":{…}}`, right after its entry;
//! last `{"summary":{"entries","first_seq","last_seq"}}`.
use std::io::{self, BufRead, Read as _, Write};

use portcullis_crypto::signing::VerifyingKey;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::{
    GENESIS, PERSONAL,
    chain::{Kind, Problem, Report, Start, Verifier},
    checkpoint::Checkpoint,
    entry::{self, DamagedEntry, Row, Seal},
    jcs,
    private::{self, Private},
    unhex,
};

/// A longer line is refused. An entry comes from a request of at most 1 MiB; escapes and digests may add to it.
pub const MAX_LINE: usize = 8 << 20;

/// Why an export could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The other side is gone.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The store holds something that is no entry.
    #[error("entry {0}: {1}")]
    Damaged(i64, DamagedEntry),
}

/// Writes an export, line by line.
#[derive(Debug)]
pub struct Exporter<W> {
    to: W,
    entries: u64,
    first: Option<i64>,
    last: Option<(i64, [u8; 32])>,
}
impl<W: Write> Exporter<W> {
    /// Into this writer.
    pub fn new(to: W) -> Self {
        Self { to, entries: 0, first: None, last: None }
    }
    /// The next entry, in the order of `seq`. Only the first one needs its `prev_hash`, and only if it is not entry 1.
    pub fn entry(&mut self, row: &Row<'_>) -> Result<(), WriteError> {
        let before = match self.last {
            Some((seq, hash)) if seq.checked_add(1) == Some(row.seq) => Some(hash),
            _ if row.seq == 1 => Some(GENESIS),
            _ => None,
        };
        let row = Row { prev_hash: row.prev_hash.or(before), ..*row };
        let line = line(&row).map_err(|e| WriteError::Damaged(row.seq, e))?;
        self.write(&line)?;
        self.entries += 1;
        self.first.get_or_insert(row.seq);
        self.last = Some((row.seq, row.hash));
        Ok(())
    }
    /// A checkpoint, right after its entry.
    pub fn checkpoint(&mut self, checkpoint: &Checkpoint) -> Result<(), WriteError> {
        self.write(&json!({ "checkpoint": checkpoint.to_value() }))
    }
    /// The last line. Gives the writer back.
    pub fn finish(mut self) -> Result<W, WriteError> {
        let Self { entries, first, last, .. } = self;
        let last = last.map(|(seq, _)| seq);
        self.write(&json!({ "summary": { "entries": entries, "first_seq": first, "last_seq": last } }))?;
        self.to.flush()?;
        Ok(self.to)
    }
    /// What was written so far, for a caller that streams it on.
    pub fn get_mut(&mut self) -> &mut W {
        &mut self.to
    }
    fn write(&mut self, line: &Value) -> Result<(), WriteError> {
        let mut text = jcs::to_string(line);
        text.push('\n');
        Ok(self.to.write_all(text.as_bytes())?)
    }
}

fn line(row: &Row<'_>) -> Result<Value, DamagedEntry> {
    let private = Private::parse(row.private).map_err(|_| DamagedEntry)?;
    let mut line = entry::parse(row.body, row.hole)?;
    let (mut digests, mut salts) = (Map::new(), Map::new());
    for field in PERSONAL {
        if let Some(digest) = line.get(field).filter(|d| !private::is_empty(d)) {
            digests.insert(field.into(), digest.clone());
        }
        if let Some(salt) = private.salt(field) {
            salts.insert(field.into(), private::write_salt(salt).into());
        }
    }
    entry::show(&mut line, private);
    entry::add_seal(&mut line, Some(Seal { seq: row.seq, prev_hash: row.prev_hash, hash: row.hash }));
    line.insert("digests".into(), digests.into());
    line.insert("salts".into(), salts.into());
    Ok(Value::Object(line))
}

/// Why an export could not be checked. Something that *was* checked and is wrong is a [`Problem`] in the report.
#[derive(Debug, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ExportError {
    /// Counted from 1.
    pub line: u64,
    /// What is the matter with it.
    pub reason: Reason,
}

/// What is the matter with a line.
#[derive(Debug, thiserror::Error)]
pub enum Reason {
    /// It could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Longer than [`MAX_LINE`].
    #[error("longer than {MAX_LINE} bytes")]
    TooLong,
    /// Not JSON.
    #[error("not a JSON object: {0}")]
    NotJson(serde_json::Error),
    /// JSON, but not a line of an export.
    #[error("not a line of an audit export: {0}")]
    Malformed(&'static str),
    /// The file ends before its summary: it was not written to its end.
    #[error("the file ends without a summary; the export broke off")]
    NoSummary,
}

/// Checks an exported file. `keys` are the audit's public keys; `kept` is a checkpoint from elsewhere, against which a cut
/// tail is seen. The range may begin anywhere; one that begins at 1 is anchored there.
///
/// Memory stays bounded by the longest line; see [`crate::chain`].
pub fn verify_export(
    from: impl BufRead,
    keys: &[VerifyingKey],
    kept: Option<&Checkpoint>,
) -> Result<Report, ExportError> {
    let mut lines = Lines { from, number: 0 };
    let mut reader = Reader { keys, kept, verifier: None };
    loop {
        let line = lines.next();
        let number = lines.number;
        let failed = |reason| ExportError { line: number, reason };
        match line.map_err(failed)? {
            None => {
                let report = reader.finish();
                return if report.is_ok() { Err(failed(Reason::NoSummary)) } else { Ok(report) };
            }
            Some(line) => match reader.line(line).map_err(failed)? {
                Step::More => {}
                Step::Wrong => return Ok(reader.finish()),
                Step::Summary(summary) => {
                    if lines.next().map_err(failed)?.is_some() {
                        return Err(failed(Reason::Malformed("something follows the summary")));
                    }
                    return Ok(summary.compare(reader.finish()));
                }
            },
        }
    }
}

struct Lines<R> {
    from: R,
    number: u64,
}
impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<Map<String, Value>>, Reason> {
        self.number += 1;
        let mut line = vec![];
        self.from.by_ref().take(MAX_LINE as u64 + 1).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        if line.len() > MAX_LINE {
            return Err(Reason::TooLong);
        }
        serde_json::from_slice(&line).map(Some).map_err(Reason::NotJson)
    }
}

enum Step {
    More,
    /// The verifier has stopped.
    Wrong,
    Summary(Summary),
}

struct Summary {
    entries: u64,
    first: Option<i64>,
    last: Option<i64>,
}
impl Summary {
    fn parse(value: &Value) -> Result<Self, Reason> {
        let number = |field: &str| match &value[field] {
            Value::Null => Ok(None),
            n => n.as_i64().map(Some).ok_or(Reason::Malformed("summary")),
        };
        let entries = value["entries"].as_u64().ok_or(Reason::Malformed("summary"))?;
        Ok(Self { entries, first: number("first_seq")?, last: number("last_seq")? })
    }
    /// The lines must be those that the summary counted.
    fn compare(&self, mut report: Report) -> Report {
        if report.is_ok() {
            let next = report.last_seq.map_or(1, |last| last.saturating_add(1));
            let first = self.first.unwrap_or(next);
            if report.first_seq != self.first && report.first_seq.is_some() {
                report.problem = Some(Problem { seq: first, kind: Kind::Gap });
            } else if report.last_seq != self.last || report.checked != self.entries {
                let seq = if report.last_seq.is_none() { first } else { next };
                report.problem = Some(Problem { seq, kind: Kind::Truncated });
            }
        }
        report
    }
}

struct Reader<'a> {
    keys: &'a [VerifyingKey],
    kept: Option<&'a Checkpoint>,
    /// Made by the first line, which names the tenant.
    verifier: Option<Verifier>,
}
impl Reader<'_> {
    fn line(&mut self, mut line: Map<String, Value>) -> Result<Step, Reason> {
        let verified = match line.len() {
            1 => match (line.remove("checkpoint"), line.remove("summary")) {
                (Some(value), _) => {
                    let checkpoint = Checkpoint::from_value(value).map_err(|_| Reason::Malformed("checkpoint"))?;
                    self.verifier(checkpoint.tenant_id).and_then(|v| v.checkpoint(&checkpoint))
                }
                (_, Some(value)) => return Summary::parse(&value).map(Step::Summary),
                _ => return Err(Reason::Malformed("neither entry, checkpoint nor summary")),
            },
            _ => {
                let Sealed { tenant, seq, prev_hash, hash, canonical, private } = Sealed::parse(line)?;
                self.verifier(tenant)
                    .and_then(|v| v.sealed(seq, prev_hash, hash, canonical.as_bytes(), private.as_ref()))
            }
        };
        Ok(if verified.is_ok() { Step::More } else { Step::Wrong })
    }
    fn verifier(&mut self, tenant: Uuid) -> Result<&mut Verifier, Problem> {
        let new = self.verifier.is_none();
        let verifier = self.verifier.get_or_insert_with(|| Verifier::new(tenant, Start::Anywhere, self.keys));
        if let (true, Some(kept)) = (new, self.kept) {
            verifier.checkpoint(kept)?;
        }
        Ok(verifier)
    }
    fn finish(self) -> Report {
        match (self.verifier, self.kept) {
            (Some(verifier), _) => verifier.finish(),
            // an empty file: all that the kept checkpoint knows of is gone
            (None, Some(kept)) => {
                let mut verifier = Verifier::new(kept.tenant_id, Start::Genesis, self.keys);
                let _ = verifier.checkpoint(kept); // a problem stays in the verifier
                verifier.finish()
            }
            (None, None) => Report::default(),
        }
    }
}

/// An entry's line, taken apart into what was hashed and what was not.
struct Sealed {
    tenant: Uuid,
    seq: i64,
    prev_hash: Option<[u8; 32]>,
    hash: [u8; 32],
    canonical: String,
    private: Option<Private>,
}
impl Sealed {
    fn parse(mut line: Map<String, Value>) -> Result<Self, Reason> {
        const OUTSIDE: &str = "an entry needs tenant_id, seq, prev_hash, hash, redacted, salts, digests";
        let mut take = |field: &str| line.remove(field).ok_or(Reason::Malformed(OUTSIDE));
        let (Value::Object(salts), Value::Object(digests)) = (take("salts")?, take("digests")?) else {
            return Err(Reason::Malformed("salts and digests are objects"));
        };
        let hash = |value: Value| value.as_str().and_then(unhex).ok_or(Reason::Malformed("hash"));
        let prev_hash = match take("prev_hash")? {
            Value::Null => None,
            value => Some(hash(value)?),
        };
        let hash = hash(take("hash")?)?;
        let Value::Bool(redacted) = take("redacted")? else { return Err(Reason::Malformed("redacted")) };
        let seq = line.get("seq").and_then(Value::as_i64).ok_or(Reason::Malformed("seq"))?;
        let tenant = line.get("tenant_id").and_then(Value::as_str).and_then(|s| Uuid::try_parse(s).ok());
        let tenant = tenant.ok_or(Reason::Malformed("tenant_id"))?;
        if digests.keys().any(|f| !PERSONAL.contains(&f.as_str())) {
            return Err(Reason::Malformed("digests of unknown fields"));
        }
        // back to what was hashed: digests in the place of values
        let mut values = Map::new();
        for field in PERSONAL {
            let slot = line.get_mut(field).ok_or(Reason::Malformed("a field is missing"))?;
            let shown = match digests.get(field) {
                Some(digest) => std::mem::replace(slot, digest.clone()),
                // without a digest only nothing may be there
                None => slot.clone(),
            };
            if !private::is_empty(&shown) {
                values.insert(field.into(), shown);
            }
        }
        let erased = digests.keys().any(|f| !values.contains_key(f));
        let private = if erased == redacted { Private::of(values, &salts).ok() } else { None };
        Ok(Self { tenant, seq, prev_hash, hash, canonical: jcs::to_string(&Value::Object(line)), private })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chain::tests::*;
    use proptest::prelude::*;
    use std::sync::LazyLock;

    fn write(log: &[Kept], checkpoints: &[Checkpoint]) -> String {
        let mut to = Exporter::new(vec![]);
        for e in log {
            to.entry(&e.row()).unwrap();
            checkpoints.iter().filter(|c| c.seq == e.seq).for_each(|c| to.checkpoint(c).unwrap());
        }
        String::from_utf8(to.finish().unwrap()).unwrap()
    }
    fn verify(text: &str, kept: Option<&Checkpoint>) -> Result<Report, ExportError> {
        verify_export(text.as_bytes(), &[KEY.verifying().clone()], kept)
    }
    fn problem(text: &str) -> Option<(i64, Kind)> {
        verify(text, None).unwrap().problem.map(|p| (p.seq, p.kind))
    }
    fn without(text: &str, n: usize) -> String {
        text.split_inclusive('\n').enumerate().filter(|(i, _)| *i != n).map(|(_, l)| l).collect()
    }

    #[test]
    fn an_export_verifies_with_the_public_key_alone() {
        let mut log = log(5);
        log[1].private.clear();
        record(&mut log, &[(2, 2)]);
        let text = write(&log, &[checkpoint(&log, 3), checkpoint(&log, 5)]);
        let want =
            Report { checked: 6, first_seq: Some(1), last_seq: Some(6), last_checkpoint: Some(5), problem: None };
        assert_eq!(verify(&text, None).unwrap(), want);
        assert_eq!(verify(&text, Some(&checkpoint(&log, 6))).unwrap().last_checkpoint, Some(6));
        assert_eq!(verify(&write(&log[2..], &[]), None).unwrap().checked, 4);
        assert_eq!(verify(&write(&[], &[]), None).unwrap(), Report::default());
        let second: Value = serde_json::from_str(text.lines().nth(1).unwrap()).unwrap();
        assert_eq!((&second["redacted"], &second["salts"], &second["ip"]), (&json!(true), &json!({}), &Value::Null));
    }

    #[test]
    fn sec_20_what_is_cut_out_or_off_is_seen() {
        let log = log(4);
        let text = write(&log, &[]);
        assert_eq!(problem(&without(&text, 1)), Some((2, Kind::Gap)));
        assert_eq!(problem(&without(&text, 0)), Some((1, Kind::Gap)), "the summary knows where it began");
        assert_eq!(problem(&without(&text, 3)), Some((4, Kind::Truncated)), "the summary knows of it");
        let kept = checkpoint(&log, 4);
        let shorter = write(&log[..2], &[]);
        let found = verify(&shorter, Some(&kept)).unwrap().problem;
        assert_eq!(found, Some(Problem { seq: 3, kind: Kind::Truncated }));
        assert_eq!(verify("", Some(&kept)).unwrap().problem, Some(Problem { seq: 1, kind: Kind::Truncated }));
        let broken_off = without(&text, 4);
        assert!(matches!(verify(&broken_off, None), Err(ExportError { line: 5, reason: Reason::NoSummary })));
    }

    #[test]
    fn sec_20_a_value_that_is_not_the_one_that_was_sealed_is_seen() {
        let mut log = log(3);
        let text = write(&log, &[]);
        assert_eq!(problem(&text.replacen("Ada Lovelace", "Eve Lovelace", 2)), Some((1, Kind::Digest)));
        assert_eq!(problem(&text.replacen("\"redacted\":false", "\"redacted\":true", 1)), Some((1, Kind::Digest)));
        assert_eq!(problem(&text.replacen("user.created", "user.deleted", 1)), Some((1, Kind::Hash)));
        log[1].private.clear();
        assert_eq!(problem(&write(&log, &[])), Some((2, Kind::Digest)), "erased without a record");
    }

    #[test]
    fn a_range_in_the_middle_needs_the_first_previous_hash_only() {
        let log = log(4);
        let mut to = Exporter::new(vec![]);
        for (i, e) in log[1..].iter().enumerate() {
            to.entry(&Row { prev_hash: (i == 0).then_some(e.prev), ..e.row() }).unwrap();
        }
        let text = String::from_utf8(to.finish().unwrap()).unwrap();
        assert_eq!(text, write(&log[1..], &[]));
        assert_eq!(problem(&text.replacen("user.created", "user.deleted", 1)), Some((2, Kind::Hash)));
    }

    #[test]
    fn numbers_at_the_end_of_the_world_are_no_panic() {
        let text = write(&log(1), &[]);
        for seq in ["-9223372036854775808", "-1", "0", "9223372036854775807"] {
            let bent = text.replacen("\"seq\":1", &format!("\"seq\":{seq}"), 1);
            assert_eq!(problem(&bent), Some((seq.parse().unwrap(), Kind::Hash)));
        }
    }

    #[test]
    fn malformed_lines_are_named_by_their_number() {
        let log = log(2);
        let text = write(&log, &[checkpoint(&log, 1)]);
        let lines: Vec<&str> = text.lines().collect();
        for bad in ["{}", "[]", "\"x\"", "", "{\"checkpoint\":1}", "{\"x\":1}", "{\"seq\":1,\"hash\":\"\"}", "\u{0}"] {
            let text = format!("{}\n{bad}\n{}\n", lines[0], lines[3]);
            assert_eq!(verify(&text, None).unwrap_err().line, 2, "{bad}");
        }
        let after = format!("{text}{}\n", lines[0]);
        assert!(matches!(verify(&after, None).unwrap_err().reason, Reason::Malformed(_)));
        let long = format!("{}\n{}\n", lines[0], " ".repeat(MAX_LINE));
        assert!(matches!(verify(&long, None), Err(ExportError { line: 2, reason: Reason::TooLong })));
        let deep = format!("{}\n{}\n", lines[0], "[".repeat(100_000));
        assert!(matches!(verify(&deep, None), Err(ExportError { line: 2, reason: Reason::NotJson(_) })));
    }

    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let mut log = log(3);
        log[1].private.clear();
        record(&mut log, &[(2, 2)]);
        write(&log, &[checkpoint(&log, 2)])
    });

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_024))]
        #[test]
        fn sec_20_any_changed_byte_of_an_export_is_noticed(place: prop::sample::Index, bits in 1u8..) {
            let mut bytes = TEXT.clone().into_bytes();
            let n = place.index(bytes.len());
            bytes[n] ^= bits;
            let found = verify_export(&bytes[..], &[KEY.verifying().clone()], None);
            // a checkpoint's own id is not signed; white space is no change
            let innocent = |text: &[u8]| {
                let strip = |t: &[u8]| -> Vec<Value> {
                    let lines = t.split(|b| *b == b'\n').filter_map(|l| serde_json::from_slice(l).ok());
                    lines.map(|mut v: Value| { if v["checkpoint"].is_object() { v["checkpoint"]["id"] = Value::Null; } v }).collect()
                };
                strip(text) == strip(TEXT.as_bytes())
            };
            prop_assert!(!matches!(&found, Ok(r) if r.is_ok()) || innocent(&bytes), "byte {n}");
        }
        #[test]
        fn reading_anything_never_panics(text in "(\\{\"(summary|checkpoint|seq)\":)?\\PC{0,60}\n?\\PC{0,60}") {
            let _ = verify(&text, None);
        }
    }
}

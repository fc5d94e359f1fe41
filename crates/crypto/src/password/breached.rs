//! A list of passwords that are known from breaches, offline: the first 64 bits of the SHA-1 of each, in order, in a file that is
//! looked into and never read whole.
//!
//! SHA-1 is what such lists are published in (NIST SP 800-63B 3.1.1.2 asks that passwords be compared with them); nothing is protected
//! by it here. Of a billion entries one innocent password in 18 billion would meet one by chance.
use std::fs::File;
use std::io::{self, BufRead, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

use aws_lc_rs::digest;

use super::Password;

const MAGIC: &[u8; 16] = b"portcullis-pw-1\n";
const ENTRY: u64 = 8;

/// An open list.
#[derive(Debug)]
pub struct Breached {
    file: File,
    entries: u64,
}
impl Breached {
    /// Opens a list that [`Builder`] wrote; an error says what is wrong with the file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut file = File::open(path)?;
        let mut magic = [0; MAGIC.len()];
        let known = file.read_exact(&mut magic).is_ok() && magic == *MAGIC;
        let bytes = file.metadata()?.len().saturating_sub(MAGIC.len() as u64);
        if !known || bytes % ENTRY != 0 {
            let message = "no list of breached passwords: make one with `portcullis admin breached-passwords build`";
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        Ok(Self { file, entries: bytes / ENTRY })
    }
    /// How many passwords it holds.
    pub const fn entries(&self) -> u64 {
        self.entries
    }
    /// Is this one of them? Some 30 short reads at most.
    pub fn contains(&self, password: &Password) -> io::Result<bool> {
        let wanted = entry(&sha1(password.expose().as_bytes()));
        let (mut low, mut high) = (0, self.entries);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.at(middle)?.cmp(&wanted) {
                std::cmp::Ordering::Equal => return Ok(true),
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        Ok(false)
    }
    fn at(&self, index: u64) -> io::Result<u64> {
        let mut bytes = [0; ENTRY as usize];
        std::os::unix::fs::FileExt::read_exact_at(&self.file, &mut bytes, MAGIC.len() as u64 + index * ENTRY)?;
        Ok(u64::from_be_bytes(bytes))
    }
}

fn sha1(bytes: &[u8]) -> [u8; 20] {
    let mut out = [0; 20];
    out.copy_from_slice(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref());
    out
}
fn entry(hash: &[u8; 20]) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *hash;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Why a list cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A line that is no hash.
    #[error("line {0}: this must be a SHA-1 in hex, alone or followed by `:` and how often it was seen")]
    NoHash(u64),
    /// Lines out of order.
    #[error("line {0}: the hashes must be in order; sort the file first")]
    Unsorted(u64),
}

/// Writes a list.
#[derive(Debug)]
pub struct Builder<W: Write + Seek> {
    out: BufWriter<W>,
    last: Option<u64>,
    entries: u64,
}
impl<W: Write + Seek> Builder<W> {
    /// Begins one. Until [`Builder::finish`] the file is no list.
    pub fn new(out: W) -> io::Result<Self> {
        let mut out = BufWriter::new(out);
        out.write_all(&[0; MAGIC.len()])?;
        Ok(Self { out, last: None, entries: 0 })
    }
    /// Takes hashes in order, one a line, as `HASH` or `HASH:COUNT`; those that were seen less often than `least` are left out.
    pub fn hashes(&mut self, from: impl BufRead, least: u64) -> Result<(), BuildError> {
        for (number, line) in (1..).zip(from.lines()) {
            let line = line?;
            let (hash, count) = match line.trim().split_once(':') {
                Some((hash, count)) => (hash, count.trim().parse().map_err(|_| BuildError::NoHash(number))?),
                None => (line.trim(), u64::MAX),
            };
            if hash.is_empty() {
                continue;
            }
            let mut bytes = [0; 20];
            let decoded = data_encoding::HEXLOWER_PERMISSIVE.decode_len(hash.len()).is_ok_and(|n| n == bytes.len())
                && data_encoding::HEXLOWER_PERMISSIVE.decode_mut(hash.as_bytes(), &mut bytes).is_ok();
            if !decoded {
                return Err(BuildError::NoHash(number));
            }
            if count >= least && !self.put(entry(&bytes))? {
                return Err(BuildError::Unsorted(number));
            }
        }
        Ok(())
    }
    /// Takes passwords in clear, one a line, in any order; they are held in memory, 8 bytes each.
    pub fn passwords(&mut self, from: impl BufRead) -> Result<(), BuildError> {
        let mut all = vec![];
        for line in from.split(b'\n') {
            let line = line?;
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            if !line.is_empty() {
                all.push(entry(&sha1(line)));
            }
        }
        all.sort_unstable();
        for entry in all {
            self.put(entry)?;
        }
        Ok(())
    }
    /// False if it comes before the last one.
    fn put(&mut self, entry: u64) -> io::Result<bool> {
        match self.last {
            Some(last) if entry < last => return Ok(false),
            Some(last) if entry == last => return Ok(true),
            _ => {}
        }
        self.last = Some(entry);
        self.entries += 1;
        self.out.write_all(&entry.to_be_bytes())?;
        Ok(true)
    }
    /// Ends it; so many passwords are in it.
    pub fn finish(mut self) -> io::Result<u64> {
        self.out.seek(SeekFrom::Start(0))?;
        self.out.write_all(MAGIC)?;
        self.out.flush()?;
        Ok(self.entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(build: impl FnOnce(&mut Builder<&mut File>) -> Result<(), BuildError>) -> Result<Breached, BuildError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut builder = Builder::new(file.as_file_mut()).unwrap();
        build(&mut builder)?;
        builder.finish().unwrap();
        Ok(Breached::open(file.path()).unwrap())
    }
    fn has(list: &Breached, password: &str) -> bool {
        list.contains(&Password::new(password)).unwrap()
    }

    #[test]
    fn published_hashes() {
        // "password", "plum-orbit", "123456": sorted, with counts, in either case
        let mut lines: Vec<String> = [("password", 9_545_824), ("plum-orbit", 1), ("123456", 42)]
            .map(|(p, n)| format!("{}:{n}", data_encoding::HEXUPPER.encode(&sha1(p.as_bytes()))))
            .to_vec();
        lines.sort();
        let text = format!("{}\r\n\n", lines.join("\r\n"));
        let all = list(|b| b.hashes(text.as_bytes(), 1)).unwrap();
        assert_eq!(all.entries(), 3);
        assert!(has(&all, "password") && has(&all, "plum-orbit") && has(&all, "123456"));
        assert!(!has(&all, "Password") && !has(&all, "") && !has(&all, "password "));
        let often = list(|b| b.hashes(text.to_lowercase().as_bytes(), 42)).unwrap();
        assert_eq!((often.entries(), has(&often, "plum-orbit"), has(&often, "123456")), (2, false, true));
        assert_eq!(
            data_encoding::HEXLOWER.encode(&sha1(b"abc")),
            "a9993e364706816aba3e25717850c26c9cd0d89d",
            "RFC 3174"
        );
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let hash = "A9993E364706816ABA3E25717850C26C9CD0D89D";
        for bad in
            ["x", &hash[1..], "A9993E364706816ABA3E25717850C26C9CD0D89G", &format!("{hash}:many"), &format!("{hash}0")]
        {
            let text = format!("{hash}\n{bad}\n");
            assert!(matches!(list(|b| b.hashes(text.as_bytes(), 1)), Err(BuildError::NoHash(2))), "{bad}");
        }
        let unsorted = format!("{hash}\n0{}\n", &hash[1..]);
        assert!(matches!(list(|b| b.hashes(unsorted.as_bytes(), 1)), Err(BuildError::Unsorted(2))));
        // a list that was not finished, or is cut
        let mut file = tempfile::NamedTempFile::new().unwrap();
        Builder::new(file.as_file_mut()).unwrap().passwords(&b"a\nb"[..]).unwrap();
        assert!(Breached::open(file.path()).is_err());
        std::fs::write(file.path(), [&MAGIC[..], b"short"].concat()).unwrap();
        assert!(Breached::open(file.path()).is_err());
        assert!(Breached::open(Path::new("/nonexistent/list")).is_err());
    }

    proptest! {
        #[test]
        fn holds_what_was_put_in_and_nothing_else(put in proptest::collection::vec("[a-c]{1,4}", 0..60), ask in "[a-c]{1,4}") {
            let all = list(|b| b.passwords(put.join("\n").as_bytes())).unwrap();
            prop_assert!(put.iter().all(|p| has(&all, p)));
            prop_assert_eq!(has(&all, &ask), put.contains(&ask));
        }
    }
}

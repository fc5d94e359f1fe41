//! A text with replacements that knows where each of its places came from.

/// One replacement in the text that was sent.
#[derive(Clone, Debug)]
pub(super) struct Edit {
    pub start: usize,
    pub end: usize,
    pub with: String,
}

/// Applies replacements, which must not overlap, and maps offsets back.
#[derive(Debug)]
pub(super) struct Edited {
    pub text: String,
    /// (start in the new text, end in the new text, start in the old text), in order
    spans: Vec<(usize, usize, usize)>,
    /// (start of the rest in the new text, in the old text), in order
    shifts: Vec<(usize, usize)>,
}
impl Edited {
    /// `from..to` of `text`, with the edits that lie in it.
    pub(super) fn new(text: &str, from: usize, to: usize, edits: &[Edit]) -> Self {
        let mut edits: Vec<&Edit> = edits.iter().filter(|e| e.start >= from && e.end <= to).collect();
        edits.sort_by_key(|e| e.start);
        let mut out = Self { text: String::with_capacity(to - from), spans: vec![], shifts: vec![(0, from)] };
        let mut at = from;
        for e in edits {
            if e.start < at {
                continue; // inside one that was already applied
            }
            out.text.push_str(&text[at..e.start]);
            let begin = out.text.len();
            out.text.push_str(&e.with);
            out.spans.push((begin, out.text.len(), e.start));
            at = e.end;
            out.shifts.push((out.text.len(), at));
        }
        out.text.push_str(&text[at..to]);
        out
    }
    /// Where an offset of the new text lies in the old one: in a replacement, at its start.
    pub(super) fn back(&self, offset: usize) -> usize {
        if let Some((_, _, old)) = self.spans.iter().find(|(b, e, _)| (*b..*e).contains(&offset)) {
            return *old;
        }
        let (new, old) = self.shifts.iter().rev().find(|(new, _)| *new <= offset).copied().unwrap_or((0, 0));
        old + (offset - new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_back() {
        let edit = |start, end, with: &str| Edit { start, end, with: with.into() };
        let e = Edited::new("0123456789", 1, 9, &[edit(5, 6, "BBBB"), edit(2, 4, "a")]);
        assert_eq!(e.text, "1a4BBBB678");
        assert_eq!([0, 1, 2, 3, 6, 7, 9].map(|i| e.back(i)), [1, 2, 4, 5, 5, 6, 8]);
    }
}

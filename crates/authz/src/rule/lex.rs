//! Cedar's tokens: enough to find statements, scopes and entity names, to drop comments, and to refuse hostile nesting before
//! Cedar's recursive parser sees it.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    Text,
    Number,
    Sign,
    Comment,
}

/// A token and its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token<'a> {
    pub kind: Kind,
    pub text: &'a str,
    pub start: usize,
}
impl Token<'_> {
    pub(crate) fn end(&self) -> usize {
        self.start + self.text.len()
    }
    pub(crate) fn is(&self, text: &str) -> bool {
        self.kind != Kind::Text && self.text == text
    }
}

/// Splits a text. Never fails: what is not a token becomes a sign, and Cedar will say what it thinks of it.
pub(crate) fn lex(text: &str) -> Vec<Token<'_>> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::with_capacity(text.len() / 4);
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let run = |ok: &dyn Fn(u8) -> bool| bytes[at..].iter().take_while(|b| ok(**b)).count();
        let (kind, len) = match c {
            c if c.is_whitespace() => {
                at += c.len_utf8();
                continue;
            }
            '/' if bytes.get(at + 1) == Some(&b'/') => (Kind::Comment, run(&|b| b != b'\n' && b != b'\r')),
            '"' => (Kind::Text, string_len(&bytes[at..])),
            'a'..='z' | 'A'..='Z' | '_' => (Kind::Word, run(&|b| b.is_ascii_alphanumeric() || b == b'_')),
            '0'..='9' => (Kind::Number, run(&|b| b.is_ascii_digit())),
            _ => {
                let two = matches!(bytes.get(at..at + 2), Some(b"&&" | b"||" | b"==" | b"!=" | b"<=" | b">=" | b"::"));
                (Kind::Sign, if two { 2 } else { c.len_utf8() })
            }
        };
        tokens.push(Token { kind, text: &text[at..at + len], start: at });
        at += len;
    }
    tokens
}
/// Bytes of a string literal from its opening quote to its closing one, or to the end of the text.
fn string_len(bytes: &[u8]) -> usize {
    let mut i = 1;
    while i < bytes.len() {
        match bytes[i] {
            b'"' => return i + 1,
            b'\\' => i += 2,
            _ => i += 1,
        }
    }
    bytes.len()
}

/// Brackets may nest so deep,
const MAX_DEPTH: usize = 24;
/// and a statement may hold so many operators: each may be one level of Cedar's recursion.
const MAX_OPERATORS: usize = 256;
/// Cedar's validator looks at each branch of an `if` twice, so that their number is an exponent.
const MAX_IFS: usize = 8;

/// Refuses nesting that would exhaust the stack of a recursive parser, validator or evaluator. Gives the offset and why.
pub(crate) fn guard(tokens: &[Token<'_>]) -> Result<(), (usize, &'static str)> {
    let (mut depth, mut operators, mut ifs) = (0usize, 0usize, 0usize);
    for t in tokens {
        match t.text {
            _ if matches!(t.kind, Kind::Text | Kind::Comment | Kind::Number) => {}
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            ";" => (operators, ifs) = (0, 0),
            "&&" | "||" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "+" | "-" | "*" | "!" | "." | "in" | "has"
            | "like" | "is" | "if" | "when" | "unless" => operators += 1,
            _ => {}
        }
        if t.is("if") {
            ifs += 1;
        }
        // `a[..][..]` chains and bare brackets are calls to the parser too
        if t.is("[") {
            operators += 1;
        }
        if depth > MAX_DEPTH {
            return Err((t.start, "This nests too deep: at most 24 brackets in one another."));
        }
        if ifs > MAX_IFS {
            return Err((
                t.start,
                "This rule holds too many conditional expressions: at most 8 `if`. Split it into several rules.",
            ));
        }
        if operators > MAX_OPERATORS {
            return Err((t.start, "This rule holds too many operators: at most 256. Split it into several rules."));
        }
    }
    Ok(())
}

/// What a string literal stands for, with its escapes resolved; `None` if an escape is wrong.
pub(crate) fn string_value(literal: &str) -> Option<String> {
    let inner = literal.strip_prefix('"')?.strip_suffix('"')?;
    if !inner.contains('\\') {
        return Some(inner.to_owned());
    }
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        out.push(match chars.next()? {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            '0' => '\0',
            c @ ('\\' | '\'' | '"') => c,
            'x' => {
                let hex: String = chars.by_ref().take(2).collect();
                if hex.len() != 2 {
                    return None;
                }
                char::from_u32(u32::from_str_radix(&hex, 16).ok()?).filter(char::is_ascii)?
            }
            'u' => {
                let rest = chars.as_str().strip_prefix('{')?;
                let (hex, after) = rest.split_once('}')?;
                chars = after.chars();
                char::from_u32(u32::from_str_radix(&hex.replace('_', ""), 16).ok()?)?
            }
            _ => return None,
        });
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_tokens() {
        let text = r#"permit(principal == User::"a\"b // not a comment", action); // bye"#;
        let tokens: Vec<_> = lex(text).into_iter().map(|t| t.text).collect();
        assert_eq!(
            tokens,
            [
                "permit",
                "(",
                "principal",
                "==",
                "User",
                "::",
                r#""a\"b // not a comment""#,
                ",",
                "action",
                ")",
                ";",
                "// bye"
            ]
        );
        for odd in ["\"", "\"\\", "ä\u{a0}\"", "/", "::", "\\"] {
            lex(odd);
        }
    }

    #[test]
    fn reads_escapes() {
        assert_eq!(string_value(r#""a\"\\\n\x41\u{1F600}""#).unwrap(), "a\"\\\nA😀");
        for bad in [r#""\q""#, r#""\x4""#, r#""\u{110000}""#, "\"", "a"] {
            assert_eq!(string_value(bad), None, "{bad}");
        }
    }
}

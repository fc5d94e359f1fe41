//! CSV as exports write it: RFC 4180, and nothing in it that a spreadsheet would run.

/// Adds a row.
pub fn row<'a>(cells: impl IntoIterator<Item = &'a str>, out: &mut String) {
    for (n, cell) in cells.into_iter().enumerate() {
        if n > 0 {
            out.push(',');
        }
        quote(cell, out);
    }
    out.push('\n');
}

/// RFC 4180, and a `'` before what a spreadsheet would run as a formula.
fn quote(cell: &str, out: &mut String) {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !formula && !cell.contains([',', '"', '\n', '\r']) {
        out.push_str(cell);
        return;
    }
    out.push('"');
    if formula {
        out.push('\'');
    }
    out.push_str(&cell.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be() {
        for (cell, text) in
            [("Ada", "Ada"), ("", ""), ("a,b", "\"a,b\""), ("say \"hi\"", "\"say \"\"hi\"\"\""), ("=1+1", "\"'=1+1\"")]
        {
            let mut out = String::new();
            quote(cell, &mut out);
            assert_eq!(out, text);
        }
    }
}

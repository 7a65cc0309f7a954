//! Parameters of a header's value: `; name=token; name="quoted"`. Called for the Content-Type of a form
//! and the Content-Disposition of its parts.

use hamster_net::http::is_token;

/// Names in lower case with their values, from the first semicolon on. `None` if malformed, or if a
/// name comes twice: two readers could take different ones.
pub fn parse(text: &str) -> Option<Vec<(String, String)>> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut rest = text.trim_start_matches(BLANKS);
    while !rest.is_empty() {
        rest = rest.strip_prefix(';')?.trim_start_matches(BLANKS);
        if rest.is_empty() {
            break;
        }
        let (name, after) = rest.split_once('=')?;
        let name = name.to_ascii_lowercase();
        if !is_token(&name) || found.iter().any(|(known, _)| *known == name) {
            return None;
        }
        let (value, after) = value(after)?;
        found.push((name, value));
        rest = after.trim_start_matches(BLANKS);
    }
    Some(found)
}

const BLANKS: [char; 2] = [' ', '\t'];

fn value(text: &str) -> Option<(String, &str)> {
    if let Some(quoted) = text.strip_prefix('"') {
        return unquote(quoted);
    }
    let (token, rest) = text.split_at(text.find([';', ' ', '\t']).unwrap_or(text.len()));
    (!token.is_empty() && !token.contains('"')).then(|| (token.to_owned(), rest))
}

/// What stands before the closing quote, and what behind it. A backslash hides a quote or another
/// backslash only: Windows sends whole paths.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (plain, special) = rest.split_at(rest.find(['"', '\\'])?);
        value.push_str(plain);
        if let Some(after) = special.strip_prefix('"') {
            return Some((value, after));
        }
        let after = special.strip_prefix('\\')?;
        rest = match after.chars().next() {
            Some(hidden @ ('"' | '\\')) => {
                value.push(hidden);
                after.get(1..)?
            }
            _ => {
                value.push('\\');
                after
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<Vec<(String, String)>> {
        parse(text)
    }

    fn pairs(pairs: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        Some(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn tokens_and_quoted_values_are_read() {
        assert_eq!(of(""), pairs(&[]));
        assert_eq!(of("; Name=a;b=\"c;d\" ;"), pairs(&[("name", "a"), ("b", "c;d")]));
        assert_eq!(of(";n=\"a\\\"b\\\\\""), pairs(&[("n", "a\"b\\")]));
        assert_eq!(of("; f=\"C:\\dir\\f.txt\""), pairs(&[("f", "C:\\dir\\f.txt")]));
        assert_eq!(of("; f=\"\u{e9}\\\u{e9}\""), pairs(&[("f", "\u{e9}\\\u{e9}")]));
    }

    #[test]
    fn what_two_readers_could_take_differently_is_refused() {
        for text in
            ["name=a", "; name", "; name=", "; a=b; A=c", "; a=\"b", "; a=b\"c\"", "; =b", "; a =b"]
        {
            assert_eq!(of(text), None, "{text}");
        }
    }
}

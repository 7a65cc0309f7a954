//! The checkout's text files, with Rust code and comments told apart, for the rules to search.
//!
//! A word in a comment or a string is not a use of it: `code` has both blanked, `comments` has all
//! else blanked, and both keep every line where it was. No rule should search raw text for code.

use crate::Outcome;
use std::fs;
use std::path::Path;

/// A file of the checkout.
pub struct SourceFile {
    /// From the root, with `/`.
    pub path: String,
    pub text: String,
    /// Rust only: the text without comments, strings and `#[cfg(test)]` items.
    pub code: String,
    /// Rust only: the comments alone.
    pub comments: String,
}

impl SourceFile {
    pub fn new(path: &str, text: String) -> Self {
        let (mut code, mut comments) = (Vec::new(), Vec::new());
        if Path::new(path).extension().is_some_and(|extension| extension == "rs") {
            (code, comments) = split(text.as_bytes());
            blank_tests(&mut code);
        }
        let string = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Self { path: path.to_owned(), code: string(code), comments: string(comments), text }
    }

    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Lines of `code` (from 1) in which `path`, such as `std::fs`, stands by itself.
    pub fn lines_with(&self, path: &str) -> Vec<usize> {
        find_all(&self.code, path).map(|at| line_of(&self.code, at)).collect()
    }

    /// Every path that a `use` brings in, groups written out, with its line.
    pub fn imports(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for at in find_all(&self.code, "use") {
            let rest = &self.code[at + 3..];
            let tree: String = rest.split(';').next().unwrap_or_default().trim().to_owned();
            let mut paths = Vec::new();
            expand("", &tree, &mut paths);
            found.extend(paths.into_iter().map(|path| (line_of(&self.code, at), path)));
        }
        found
    }
}

/// Where `word` occurs in `text` and is not a part of a longer identifier.
pub fn find_all<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let bytes = text.as_bytes();
    text.match_indices(word).map(|(at, _)| at).filter(move |&at| {
        let before = at.checked_sub(1).and_then(|index| bytes.get(index));
        let after = bytes.get(at + word.len());
        !before.is_some_and(|byte| is_word(*byte)) && !after.is_some_and(|byte| is_word(*byte))
    })
}

/// The line, from 1, of a byte offset.
pub fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|&byte| byte == b'\n').count() + 1
}

/// Text files of the checkout; hidden folders, build output and data directories are no part of it.
pub fn load(root: &Path) -> Outcome<Vec<SourceFile>> {
    let mut files = Vec::new();
    walk(root, "", &mut files)?;
    files.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

/// What `.gitignore` keeps out.
pub fn is_ignored(path: &str) -> bool {
    path == "target" || path == "data" || path.starts_with("data-") && !path.contains('/')
}

fn walk(folder: &Path, prefix: &str, files: &mut Vec<SourceFile>) -> Outcome<()> {
    let failed = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
    for entry in folder.read_dir().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        let kind = entry.file_type().map_err(failed)?;
        if name.starts_with('.') || is_ignored(&path) || name == "target" {
            continue;
        }
        if kind.is_dir() {
            walk(&entry.path(), &format!("{path}/"), files)?;
        } else if kind.is_file()
            && ["rs", "md", "toml", "sh", "py"].iter().any(|end| path.ends_with(&format!(".{end}")))
        {
            let text = fs::read_to_string(entry.path()).map_err(failed)?;
            files.push(SourceFile::new(&path, text));
        }
    }
    Ok(())
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Code and comments, each as long as `text`, spaces elsewhere.
fn split(text: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let blank = |byte: &u8| if *byte == b'\n' { b'\n' } else { b' ' };
    let mut code: Vec<u8> = text.iter().map(blank).collect();
    let mut comments = code.clone();
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let into_word = at > 0 && is_word(text[at - 1]);
        if rest.starts_with(b"//") {
            let end = at + line_length(rest);
            comments[at..end].copy_from_slice(&text[at..end]);
            at = end;
        } else if rest.starts_with(b"/*") {
            let end = at + block_comment_length(rest);
            comments[at..end].copy_from_slice(&text[at..end]);
            at = end;
        } else if let Some(length) = literal_length(rest, into_word) {
            at += length;
        } else {
            code[at] = text[at];
            at += 1;
        }
    }
    (code, comments)
}

fn line_length(rest: &[u8]) -> usize {
    rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len())
}

fn block_comment_length(rest: &[u8]) -> usize {
    let (mut depth, mut at) = (0_usize, 0);
    while at < rest.len() {
        if rest[at..].starts_with(b"/*") {
            depth += 1;
            at += 2;
        } else if rest[at..].starts_with(b"*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += 1;
        }
    }
    rest.len()
}

/// The length of the string or character that starts here, if one does. A `'` that starts a
/// lifetime is none.
fn literal_length(rest: &[u8], into_word: bool) -> Option<usize> {
    match rest.first()? {
        b'"' => Some(quoted_length(rest, b'"')),
        b'r' | b'b' | b'c' if !into_word => {
            let marks = rest.iter().take(2).take_while(|byte| b"rbc".contains(byte)).count();
            let hashes = rest[marks..].iter().take_while(|&&byte| byte == b'#').count();
            let body = marks + hashes;
            if rest.get(body) != Some(&b'"') {
                return None;
            }
            if !rest[..marks].contains(&b'r') {
                return Some(body + quoted_length(&rest[body..], b'"'));
            }
            let mut end = vec![b'"'];
            end.resize(hashes + 1, b'#');
            let inside = &rest[body + 1..];
            let length = inside.windows(end.len()).position(|window| window == end);
            Some(length.map_or(rest.len(), |length| body + 1 + length + end.len()))
        }
        b'\'' => {
            let escaped = rest.get(1) == Some(&b'\\');
            let width = rest.get(1).map_or(1, |first| match first {
                0xf0.. => 4,
                0xe0.. => 3,
                0xc0.. => 2,
                _ => 1,
            });
            (escaped || rest.get(1 + width) == Some(&b'\'')).then(|| quoted_length(rest, b'\''))
        }
        _ => None,
    }
}

fn quoted_length(rest: &[u8], quote: u8) -> usize {
    let mut at = 1;
    while at < rest.len() && rest[at] != quote {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    rest.len().min(at + 1)
}

/// Blanks each item under `#[cfg(test)]`, up to its closing brace or semicolon.
fn blank_tests(code: &mut [u8]) {
    const MARKS: [&[u8]; 2] = [b"#[cfg(test)]", b"#[cfg(all(test"];
    let mut at = 0;
    while at < code.len() {
        if !MARKS.iter().any(|mark| code[at..].starts_with(mark)) {
            at += 1;
            continue;
        }
        let mut depth = 0_usize;
        let mut end = at + MARKS[0].len();
        while end < code.len() {
            match code[end] {
                b'{' => depth += 1,
                b'}' if depth <= 1 => break,
                b'}' => depth -= 1,
                b';' if depth == 0 => break,
                _ => {}
            }
            end += 1;
        }
        let end = code.len().min(end + 1);
        code[at..end].iter_mut().filter(|byte| **byte != b'\n').for_each(|byte| *byte = b' ');
        at = end;
    }
}

/// Writes `a::{b, c::{d, e}}` out as `a::b`, `a::c::d`, `a::c::e`; `as` names are dropped.
fn expand(prefix: &str, tree: &str, paths: &mut Vec<String>) {
    let tree = tree.trim();
    let Some((head, body)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        let path: String = path.split_whitespace().collect();
        if !path.is_empty() {
            paths.push(format!("{prefix}{path}"));
        }
        return;
    };
    let prefix = format!("{prefix}{}", head.split_whitespace().collect::<String>());
    let body = body.rsplit_once('}').map_or(body, |(inside, _)| inside);
    let (mut depth, mut start) = (0_usize, 0);
    for (at, byte) in body.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                expand(&prefix, &body[start..at], paths);
                start = at + 1;
            }
            _ => {}
        }
    }
    expand(&prefix, &body[start..], paths);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rust(text: &str) -> SourceFile {
        SourceFile::new("core/src/sample.rs", text.to_owned())
    }

    #[test]
    fn comments_and_strings_are_not_code() {
        let file = rust(
            "// libc\n/* libc /* libc */ libc */ let a = \"libc \\\" libc\";\n\
             let b = r#\"libc \" libc\"#; let c = b\"libc\"; let d = '\"'; let e: &'a str; libc::x();",
        );
        assert_eq!(file.lines_with("libc"), [3]);
        assert_eq!(find_all(&file.comments, "libc").count(), 4);
    }

    #[test]
    fn a_word_inside_another_is_not_it() {
        assert!(rust("let libc_free = my_libc;").lines_with("libc").is_empty());
    }

    #[test]
    fn test_items_are_left_out() {
        let file = rust("libc();\n#[cfg(test)]\nmod tests { fn a() { libc(); } }\nlibc();");
        assert_eq!(file.lines_with("libc"), [1, 4]);
        let file = rust("#[cfg(test)]\nmod tests;\nlibc();");
        assert_eq!(file.lines_with("libc"), [3]);
    }

    #[test]
    fn grouped_imports_are_written_out() {
        let file = rust("\nuse std::{\n    fs::{self, File},\n    io as other,\n};");
        let expected = ["std::fs::self", "std::fs::File", "std::io"];
        assert_eq!(file.imports(), expected.map(|path| (2, path.to_owned())));
    }
}

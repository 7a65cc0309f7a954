//! A small writer of XML answers. What is written reads back as it was: control characters become
//! numeric references, though XML 1.0 readers may refuse them (clients that care ask for
//! `encoding-type=url`). Two characters do not: see `escape`.

use super::NAMESPACE;
use bytes::Bytes;
use std::fmt::Write;

/// A document under way.
pub struct Document {
    text: String,
    open: Vec<&'static str>,
}

impl Document {
    /// Begins a document with the root element `root` in S3's namespace.
    pub fn new(root: &'static str) -> Self {
        let text =
            format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"{NAMESPACE}\">");
        Self { text, open: vec![root] }
    }

    /// Begins a document with the root element `root` in no namespace: errors have none.
    pub fn bare(root: &'static str) -> Self {
        let text = format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root}>");
        Self { text, open: vec![root] }
    }

    /// An element that holds text.
    pub fn text(&mut self, name: &str, value: &str) -> &mut Self {
        self.text.extend(["<", name, ">"]);
        escape(&mut self.text, value);
        self.text.extend(["</", name, ">"]);
        self
    }

    /// An element that holds text, if there is any.
    pub fn optional(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        if let Some(value) = value {
            self.text(name, value);
        }
        self
    }

    /// An element that holds a number or a truth value.
    pub fn number(&mut self, name: &str, value: impl std::fmt::Display) -> &mut Self {
        // Why ignored: writing to a String cannot fail.
        let _ = write!(self.text, "<{name}>{value}</{name}>");
        self
    }

    /// Text right within the element opened last.
    pub fn content(&mut self, text: &str) -> &mut Self {
        escape(&mut self.text, text);
        self
    }

    /// Opens an element.
    pub fn open(&mut self, name: &'static str) -> &mut Self {
        self.text.extend(["<", name, ">"]);
        self.open.push(name);
        self
    }

    /// Opens an element of an XML Schema type, as ACLs need.
    pub fn open_typed(&mut self, name: &'static str, kind: &str) -> &mut Self {
        let schema = "http://www.w3.org/2001/XMLSchema-instance";
        let _ = write!(self.text, "<{name} xmlns:xsi=\"{schema}\" xsi:type=\"{kind}\">");
        self.open.push(name);
        self
    }

    /// Closes the element opened last.
    pub fn close(&mut self) -> &mut Self {
        if let Some(name) = self.open.pop() {
            self.text.extend(["</", name, ">"]);
        }
        self
    }

    /// Who owns something.
    pub fn person(&mut self, element: &'static str, id: &str, name: &str) -> &mut Self {
        self.open(element).text("ID", id).text("DisplayName", name).close()
    }

    /// Closes everything: the document's bytes.
    pub fn finish(self) -> Bytes {
        Bytes::from(self.into_text())
    }

    /// Closes everything: the document's text.
    pub fn into_text(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }
}

fn escape(out: &mut String, text: &str) {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            control if control < ' ' || control == '\u{7f}' => {
                let _ = write!(out, "&#x{:x};", u32::from(control));
            }
            // Why not a reference: no reader takes U+FFFE and U+FFFF, however they are written.
            '\u{fffe}' | '\u{ffff}' => out.push(char::REPLACEMENT_CHARACTER),
            plain => out.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_elements_are_closed() {
        let mut document = Document::new("A");
        document.open("B").text("Key", "<a&\"b\">\r\0é\u{fffe}\u{ffff}").number("Size", 5);
        let text = document.finish();
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <A xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><B>\
            <Key>&lt;a&amp;&quot;b&quot;&gt;&#xd;&#x0;é\u{fffd}\u{fffd}</Key>\
            <Size>5</Size></B></A>";
        assert_eq!(text, expected.as_bytes());
    }
}

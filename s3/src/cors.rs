//! Cross-origin rules of a bucket: which scripts of which web pages may use it. Read from and
//! written to S3's document, and asked by preflights and for every request that names an origin.
//! (<https://docs.aws.amazon.com/AmazonS3/latest/userguide/ManageCorsUsing.html>)

use crate::error::{Code, S3Error};
use crate::xml::{Document, read};
use hamster_core::limits::{CORS_RULE_ID_CHARS_MAX, CORS_RULES_MAX};
use hamster_net::http::Response;
use serde::Deserialize;
use std::collections::BTreeSet;

/// `<CORSConfiguration>`.
#[derive(Deserialize, PartialEq, Eq, Debug)]
pub struct Configuration {
    #[serde(rename = "CORSRule", default)]
    rules: Vec<Rule>,
}

/// One rule: who may do what.
#[derive(Deserialize, PartialEq, Eq, Debug)]
pub struct Rule {
    #[serde(rename = "ID")]
    id: Option<String>,
    #[serde(rename = "AllowedHeader", default)]
    allowed_headers: Vec<String>,
    #[serde(rename = "AllowedMethod")]
    allowed_methods: Vec<String>,
    #[serde(rename = "AllowedOrigin")]
    allowed_origins: Vec<String>,
    #[serde(rename = "ExposeHeader", default)]
    expose_headers: Vec<String>,
    #[serde(rename = "MaxAgeSeconds")]
    max_age_seconds: Option<u32>,
}

/// The methods that a rule may allow.
const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "POST", "DELETE"];

impl Configuration {
    /// The rules of a document.
    ///
    /// # Errors
    /// `MalformedXML`, or `InvalidRequest` for a rule that AWS refuses.
    pub fn read(document: &[u8]) -> Result<Self, S3Error> {
        let configuration: Self = read::document(document, "CORSConfiguration")?;
        if configuration.rules.is_empty() || configuration.rules.len() > CORS_RULES_MAX {
            return Err(Code::MalformedXML.into());
        }
        configuration.rules.iter().try_for_each(Rule::check)?;
        configuration.check_ids()?;
        Ok(configuration)
    }

    fn check_ids(&self) -> Result<(), S3Error> {
        let mut found = BTreeSet::new();
        let mut ids = self.rules.iter().filter_map(|rule| rule.id.as_deref());
        match ids.any(|id| !id.is_empty() && !found.insert(id)) {
            false => Ok(()),
            true => Err(S3Error::new(
                Code::InvalidRequest,
                "Rule ID must be unique. Found same ID for more than one rule.",
            )),
        }
    }

    /// The document of these rules.
    pub fn document(&self) -> Document {
        let mut document = Document::new("CORSConfiguration");
        for rule in &self.rules {
            document.open("CORSRule").optional("ID", rule.id.as_deref());
            for (name, values) in [
                ("AllowedHeader", &rule.allowed_headers),
                ("AllowedMethod", &rule.allowed_methods),
                ("AllowedOrigin", &rule.allowed_origins),
                ("ExposeHeader", &rule.expose_headers),
            ] {
                for value in values {
                    document.text(name, value);
                }
            }
            if let Some(seconds) = rule.max_age_seconds {
                document.number("MaxAgeSeconds", seconds);
            }
            document.close();
        }
        document
    }

    /// The first rule that allows what is asked, if there is one.
    pub fn allowing(&self, asked: &Asked) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.allows(asked))
    }
}

/// What a script asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Asked {
    /// Where the script comes from.
    pub origin: String,
    /// The method that it wants to use.
    pub method: String,
    /// The headers that it wants to send: of preflights only.
    pub headers: Vec<String>,
}

impl Rule {
    fn check(&self) -> Result<(), S3Error> {
        let refused = |message: String| Err(S3Error::new(Code::InvalidRequest, message));
        let several = |value: &&String| value.matches('*').count() > 1;
        if self.id.as_ref().is_some_and(|id| id.chars().count() > CORS_RULE_ID_CHARS_MAX) {
            return refused(format!(
                "ID length should not exceed allowed limit of {CORS_RULE_ID_CHARS_MAX}"
            ));
        }
        if let Some(method) = self.allowed_methods.iter().find(|it| !METHODS.contains(&it.as_str()))
        {
            return refused(format!(
                "Found unsupported HTTP method in CORS config. Unsupported method is {method}"
            ));
        }
        if let Some(origin) = self.allowed_origins.iter().find(several) {
            return refused(format!(
                "AllowedOrigin \"{origin}\" can not have more than one wildcard."
            ));
        }
        if let Some(header) = self.allowed_headers.iter().find(several) {
            return refused(format!(
                "AllowedHeader \"{header}\" can not have more than one wildcard."
            ));
        }
        if let Some(header) = self.expose_headers.iter().find(|it| it.contains('*')) {
            return refused(format!(
                "ExposeHeader \"{header}\" contains wildcard. We currently do not support wildcard \
                 for ExposeHeader."
            ));
        }
        Ok(())
    }

    fn allows(&self, asked: &Asked) -> bool {
        let header_allowed = |header: &String| {
            let header = header.to_ascii_lowercase();
            self.allowed_headers.iter().any(|it| fits(&it.to_ascii_lowercase(), &header))
        };
        self.allowed_origins.iter().any(|it| fits(it, &asked.origin))
            && self.allowed_methods.contains(&asked.method)
            && asked.headers.iter().all(header_allowed)
    }

    /// Tells the browser what is allowed.
    pub fn add_to(&self, response: &mut Response, asked: &Asked) {
        let headers = &mut response.headers;
        if self.allowed_origins.iter().any(|origin| origin == "*") {
            headers.add("access-control-allow-origin", "*");
        } else {
            headers.add("access-control-allow-origin", &asked.origin);
            headers.add("access-control-allow-credentials", "true");
        }
        headers.add("access-control-allow-methods", &self.allowed_methods.join(", "));
        if !asked.headers.is_empty() {
            let wanted = asked.headers.join(", ").to_ascii_lowercase();
            headers.add("access-control-allow-headers", &wanted);
        }
        if !self.expose_headers.is_empty() {
            headers.add("access-control-expose-headers", &self.expose_headers.join(", "));
        }
        if let Some(seconds) = self.max_age_seconds {
            headers.add("access-control-max-age", &seconds.to_string());
        }
        // Why: an answer in a shared cache must not be taken for that to another origin.
        let varies = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";
        headers.add("vary", varies);
    }
}

/// Whether `text` is what `pattern` says, which holds one `*` at most.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, behind)) => {
            text.strip_prefix(before).is_some_and(|rest| rest.ends_with(behind))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(inner: &str) -> String {
        format!("<CORSConfiguration><CORSRule>{inner}</CORSRule></CORSConfiguration>")
    }

    fn refused(inner: &str) -> Code {
        Configuration::read(rule(inner).as_bytes()).expect_err("refused").code()
    }

    const GOOD: &str = "<ID>a</ID><AllowedHeader>x-amz-*</AllowedHeader><AllowedMethod>GET</AllowedMethod>\
        <AllowedMethod>PUT</AllowedMethod><AllowedOrigin>https://*.example.com</AllowedOrigin>\
        <ExposeHeader>ETag</ExposeHeader><MaxAgeSeconds>3000</MaxAgeSeconds>";

    fn asked(origin: &str, method: &str, headers: &[&str]) -> Asked {
        let headers = headers.iter().map(|header| (*header).to_owned()).collect();
        Asked { origin: origin.to_owned(), method: method.to_owned(), headers }
    }

    #[test]
    fn what_is_written_reads_back() {
        let read = Configuration::read(rule(GOOD).as_bytes()).expect("good");
        assert_eq!(Configuration::read(&read.document().finish()), Ok(read));
    }

    #[test]
    fn a_rule_allows_what_it_says_and_nothing_else() {
        let rules = Configuration::read(rule(GOOD).as_bytes()).expect("good");
        let allows = |origin, method, headers: &[&str]| {
            rules.allowing(&asked(origin, method, headers)).is_some()
        };
        assert!(allows("https://www.example.com", "GET", &[]));
        assert!(allows("https://www.example.com", "PUT", &["X-Amz-Date", "x-amz-meta-a"]));
        assert!(!allows("https://www.example.com", "PUT", &["x-amz-date", "authorization"]));
        assert!(!allows("https://www.example.com", "DELETE", &[]));
        assert!(!allows("https://example.com", "GET", &[]));
        assert!(!allows("https://www.example.com.evil", "GET", &[]));
        assert!(!allows("http://www.example.com", "GET", &[]));
    }

    #[test]
    fn the_wildcard_s_two_sides_do_not_overlap() {
        assert!(fits("a*a", "aa"));
        assert!(!fits("a*a", "a"));
        assert!(fits("*", ""));
    }

    #[test]
    fn rules_that_aws_refuses_are_refused() {
        let methods = "<AllowedMethod>GET</AllowedMethod>";
        let origins = "<AllowedOrigin>*</AllowedOrigin>";
        assert_eq!(refused(methods), Code::MalformedXML);
        assert_eq!(refused(origins), Code::MalformedXML);
        for more in [
            "<AllowedMethod>OPTIONS</AllowedMethod>",
            "<AllowedOrigin>http://*.*</AllowedOrigin>",
            "<AllowedHeader>*-*</AllowedHeader>",
            "<ExposeHeader>x-*</ExposeHeader>",
        ] {
            let code = refused(&format!("{methods}{origins}{more}"));
            assert!(matches!(code, Code::InvalidRequest | Code::MalformedXML), "{more}");
        }
        let long = |length| format!("<ID>{}</ID>{methods}{origins}", "\u{e9}".repeat(length));
        assert!(Configuration::read(rule(&long(255)).as_bytes()).is_ok());
        assert_eq!(refused(&long(256)), Code::InvalidRequest);
        let two = |first: &str, second: &str| {
            let both = format!("{first}{methods}{origins}</CORSRule><CORSRule>{second}{methods}");
            Configuration::read(rule(&format!("{both}{origins}")).as_bytes()).is_ok()
        };
        assert!(two("<ID>a</ID>", "<ID>b</ID>") && two("", ""));
        assert!(!two("<ID>a</ID>", "<ID>a</ID>"));
        let none = Configuration::read(b"<CORSConfiguration></CORSConfiguration>");
        assert_eq!(none.map_err(|error| error.code()), Err(Code::MalformedXML));
    }
}

//! The browser form of PostObject: `multipart/form-data` (RFC 7578) whose fields stand for headers and
//! whose signature covers a policy about them.
//!
//! The gate reads the form's head (`head`: everything before the file) and checks its `policy`; the verb
//! then streams what `file` finds. Pure: bytes in, facts out. Nothing here is believed before the gate
//! has checked the signature.

pub mod file;
pub mod head;
mod parameters;
pub mod policy;

pub use file::FileDecoder;
pub use head::{HeadReader, Progress};
pub use policy::Policy;

use crate::error::{Code, S3Error};
use hamster_core::limits::{FORM_BOUNDARY_BYTES_MAX, FORM_FIELDS_BYTES_MAX};
use hamster_net::http::{Headers, is_token};

/// What a form says of the file's name in its other fields.
const FILENAME: &str = "${filename}";

/// Fields that S3 keeps with the object or acts on as on the header of the same name. So are all
/// that begin with `x-amz-`.
const HEADERS: [&str; 9] = [
    "content-type",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
    "content-md5",
    "if-match",
    "if-none-match",
];

/// One field before the file.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// As sent: names know no case.
    pub name: String,
    /// As sent, but for `${filename}`.
    pub value: String,
}

/// The fields of a form before its file.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Form {
    fields: Vec<Field>,
    filename: String,
}

impl Form {
    /// The value of the field `name`, in any case.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|field| field.name.eq_ignore_ascii_case(name));
        found.map(|field| field.value.as_str())
    }

    /// All fields, in the order sent.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The file's name, without directories; empty if it has none.
    pub fn filename(&self) -> &str {
        &self.filename
    }

    /// The value of a field that every form must have.
    ///
    /// # Errors
    /// `InvalidArgument`, naming it.
    pub fn required(&self, name: &'static str) -> Result<&str, S3Error> {
        self.get(name).ok_or_else(|| {
            let message = format!(
                "Bucket POST must contain a field named '{name}'.  If it is specified, please check \
                 the order of the fields."
            );
            argument(message, name, "")
        })
    }

    /// The key of the object.
    ///
    /// # Errors
    /// `InvalidArgument` if there is none.
    pub fn key(&self) -> Result<&str, S3Error> {
        match self.required("key")? {
            "" => Err(argument("User key must have a length greater than 0.", "key", "")),
            key => Ok(key),
        }
    }

    /// The fields that stand for headers, as headers: `acl` is `x-amz-acl`.
    ///
    /// # Errors
    /// `InvalidArgument` for a name or value that no header can have.
    pub fn headers(&self) -> Result<Headers, S3Error> {
        let mut pairs = Vec::new();
        for Field { name, value } in &self.fields {
            let lower = name.to_ascii_lowercase();
            let name = match lower.as_str() {
                "acl" => "x-amz-acl",
                other if other.starts_with("x-amz-") || HEADERS.contains(&other) => name,
                _ => continue,
            };
            if !is_token(name) || value.bytes().any(|byte| byte.is_ascii_control()) {
                let message = "A field's name or value holds characters that no header can have.";
                return Err(argument(message, name, value));
            }
            pairs.push((name, value.as_str()));
        }
        Ok(Headers::of_pairs(pairs))
    }

    /// Adds a field. Of user metadata that comes twice both values are kept, with a comma between
    /// them, as S3 says; of any other field nobody could tell which one was meant.
    fn add(&mut self, name: String, value: String) -> Result<(), S3Error> {
        let same = self.fields.iter_mut().find(|field| field.name.eq_ignore_ascii_case(&name));
        match same {
            None => self.fields.push(Field { name, value }),
            Some(field) if begins_with(&name, "x-amz-meta-") => {
                field.value.push(',');
                field.value.push_str(&value);
            }
            Some(_) => {
                return Err(argument("A field of the form comes more than once.", &name, &value));
            }
        }
        Ok(())
    }

    /// The file begins: its name takes its place in all fields but those that are signed or signatures.
    ///
    /// # Errors
    /// `MaxPostPreDataLengthExceeded` if that makes the fields too large.
    fn name_file(&mut self, path: &str) -> Result<(), S3Error> {
        let name = path.rsplit(['/', '\\']).next().unwrap_or_default();
        self.filename = name.to_owned();
        let mut bytes = self.bytes();
        for field in &mut self.fields {
            let verbatim = ["policy", "signature", "x-amz-signature"];
            if verbatim.iter().any(|it| field.name.eq_ignore_ascii_case(it)) {
                continue;
            }
            let count = field.value.matches(FILENAME).count();
            bytes = bytes - count * FILENAME.len() + count * name.len();
            if bytes > FORM_FIELDS_BYTES_MAX {
                return Err(too_large());
            }
            if count > 0 {
                field.value = field.value.replace(FILENAME, name);
            }
        }
        Ok(())
    }

    /// Names and values together.
    fn bytes(&self) -> usize {
        self.fields.iter().map(|field| field.name.len() + field.value.len()).sum()
    }
}

/// The boundary of a form, from the headers of its request.
///
/// # Errors
/// `PreconditionFailed` if the body is no form, `MalformedPOSTRequest` without a good boundary.
pub fn boundary(headers: &Headers) -> Result<String, S3Error> {
    let mut types = headers.get_all("content-type");
    let content_type = types.next().unwrap_or_default();
    let (kind, rest) = content_type.split_at(content_type.find(';').unwrap_or(content_type.len()));
    if types.next().is_some() || !kind.trim().eq_ignore_ascii_case("multipart/form-data") {
        let condition = "Bucket POST must be of the enclosure-type multipart/form-data";
        return Err(S3Error::from(Code::PreconditionFailed).with("Condition", condition));
    }
    let parameters = parameters::parse(rest).ok_or(Code::MalformedPOSTRequest)?;
    let boundary = parameters.into_iter().find(|(name, _)| name == "boundary");
    let boundary = boundary.map(|(_, boundary)| boundary).unwrap_or_default();
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
    let good = (1..=FORM_BOUNDARY_BYTES_MAX).contains(&boundary.len())
        && boundary.bytes().all(allowed)
        && !boundary.ends_with(' ');
    if good { Ok(boundary) } else { Err(Code::MalformedPOSTRequest.into()) }
}

/// What stands before every part but the first, where it lacks the line's end before it.
fn delimiter(boundary: &str) -> Vec<u8> {
    [b"\r\n--", boundary.as_bytes()].concat()
}

/// `InvalidArgument` about a field.
pub fn argument(message: impl Into<String>, name: &str, value: &str) -> S3Error {
    S3Error::new(Code::InvalidArgument, message.into())
        .with("ArgumentName", name)
        .with("ArgumentValue", value)
}

fn too_large() -> S3Error {
    S3Error::from(Code::MaxPostPreDataLengthExceeded)
        .with("MaxPostPreDataLengthBytes", &FORM_FIELDS_BYTES_MAX.to_string())
}

/// Whether `name` begins with `prefix`, in any case.
fn begins_with(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests;

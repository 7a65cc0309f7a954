//! The route table: every operation of S3, how to recognise it, and the action it needs.
//!
//! One operation is one row. What is not built yet is a row as well and is refused by name, so that
//! no request of an unknown kind is ever taken for another: a `PUT ?acl` must not write an object.

use crate::error::{Code, S3Error};
use crate::query::Query;
use crate::target::{Shape, Target};
use hamster_core::Map;
use hamster_net::http::{Head, Headers, Method, Request, RequestBody, is_token};
use std::sync::LazyLock;

/// One row of the table.
#[derive(Debug)]
pub struct Route {
    /// What it is.
    pub operation: Operation,
    /// The request's method.
    pub method: Method,
    /// What it addresses.
    pub shape: Shape,
    /// Query names that must all be there.
    pub query: &'static [&'static str],
    /// A header that must be there.
    pub header: Option<&'static str>,
    /// What the user must be allowed to do.
    pub action: &'static str,
    /// Whether this version does it.
    pub built: bool,
}

macro_rules! routes {
    ($($name:ident $method:ident $shape:ident [$($query:literal)*] $(($header:literal))? $action:literal $built:ident;)*) => {
        /// An operation of S3, by its name in the API reference.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[expect(missing_docs, reason = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html")]
        pub enum Operation { $($name,)* }

        impl Operation {
            /// Its name in the API reference.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }

        /// Every operation. A row that asks for a header comes before its like without.
        pub static ROUTES: &[Route] = &[$(Route {
            operation: Operation::$name,
            method: Method::$method,
            shape: Shape::$shape,
            query: &[$($query),*],
            header: routes!(@header $($header)?),
            action: $action,
            built: routes!(@built $built),
        },)*];
    };
    (@header) => { None };
    (@header $header:literal) => { Some($header) };
    (@built yes) => { true };
    (@built no) => { false };
}

routes! {
    ListBuckets Get Service [] "s3:ListAllMyBuckets" yes;

    CreateBucket Put Bucket [] "s3:CreateBucket" yes;
    HeadBucket Head Bucket [] "s3:ListBucket" yes;
    DeleteBucket Delete Bucket [] "s3:DeleteBucket" yes;
    GetBucketLocation Get Bucket ["location"] "s3:GetBucketLocation" yes;
    GetBucketVersioning Get Bucket ["versioning"] "s3:GetBucketVersioning" yes;
    PutBucketVersioning Put Bucket ["versioning"] "s3:PutBucketVersioning" no;
    GetBucketAcl Get Bucket ["acl"] "s3:GetBucketAcl" yes;
    PutBucketAcl Put Bucket ["acl"] "s3:PutBucketAcl" no;

    PutObject Put Object [] "s3:PutObject" yes;
    CopyObject Put Object [] ("x-amz-copy-source") "s3:PutObject" yes;
    GetObject Get Object [] "s3:GetObject" yes;
    HeadObject Head Object [] "s3:GetObject" yes;
    DeleteObject Delete Object [] "s3:DeleteObject" yes;
    DeleteObjects Post Bucket ["delete"] "s3:DeleteObject" yes;
    GetObjectAcl Get Object ["acl"] "s3:GetObjectAcl" yes;
    PutObjectAcl Put Object ["acl"] "s3:PutObjectAcl" no;
    ListObjects Get Bucket [] "s3:ListBucket" yes;
    ListObjectsV2 Get Bucket ["list-type"] "s3:ListBucket" yes;
    ListObjectVersions Get Bucket ["versions"] "s3:ListBucketVersions" yes;

    CreateMultipartUpload Post Object ["uploads"] "s3:PutObject" yes;
    UploadPart Put Object ["partNumber" "uploadId"] "s3:PutObject" yes;
    UploadPartCopy Put Object ["partNumber" "uploadId"] ("x-amz-copy-source") "s3:PutObject" yes;
    CompleteMultipartUpload Post Object ["uploadId"] "s3:PutObject" yes;
    AbortMultipartUpload Delete Object ["uploadId"] "s3:AbortMultipartUpload" yes;
    ListParts Get Object ["uploadId"] "s3:ListMultipartUploadParts" yes;
    ListMultipartUploads Get Bucket ["uploads"] "s3:ListBucketMultipartUploads" yes;

    PostObject Post Bucket [] "s3:PutObject" yes;
    GetObjectAttributes Get Object ["attributes"] "s3:GetObjectAttributes" yes;
    GetObjectAnnotation Get Object ["annotation"] "s3:GetObjectAnnotation" no;
    PutObjectAnnotation Put Object ["annotation"] "s3:PutObjectAnnotation" no;
    DeleteObjectAnnotation Delete Object ["annotation"] "s3:DeleteObjectAnnotation" no;
    GetObjectTagging Get Object ["tagging"] "s3:GetObjectTagging" yes;
    PutObjectTagging Put Object ["tagging"] "s3:PutObjectTagging" yes;
    DeleteObjectTagging Delete Object ["tagging"] "s3:DeleteObjectTagging" yes;
    GetObjectRetention Get Object ["retention"] "s3:GetObjectRetention" no;
    PutObjectRetention Put Object ["retention"] "s3:PutObjectRetention" no;
    GetObjectLegalHold Get Object ["legal-hold"] "s3:GetObjectLegalHold" no;
    PutObjectLegalHold Put Object ["legal-hold"] "s3:PutObjectLegalHold" no;
    GetObjectTorrent Get Object ["torrent"] "s3:GetObjectTorrent" no;
    RestoreObject Post Object ["restore"] "s3:RestoreObject" no;
    SelectObjectContent Post Object ["select" "select-type"] "s3:GetObject" no;
    RenameObject Put Object ["renameObject"] "s3:PutObject" no;
    UpdateObjectEncryption Put Object ["encryption"] "s3:UpdateObjectEncryption" no;

    GetObjectLockConfiguration Get Bucket ["object-lock"] "s3:GetBucketObjectLockConfiguration" no;
    PutObjectLockConfiguration Put Bucket ["object-lock"] "s3:PutBucketObjectLockConfiguration" no;
    GetBucketTagging Get Bucket ["tagging"] "s3:GetBucketTagging" yes;
    PutBucketTagging Put Bucket ["tagging"] "s3:PutBucketTagging" yes;
    DeleteBucketTagging Delete Bucket ["tagging"] "s3:PutBucketTagging" yes;
    GetBucketPolicy Get Bucket ["policy"] "s3:GetBucketPolicy" no;
    PutBucketPolicy Put Bucket ["policy"] "s3:PutBucketPolicy" no;
    DeleteBucketPolicy Delete Bucket ["policy"] "s3:DeleteBucketPolicy" no;
    GetBucketPolicyStatus Get Bucket ["policyStatus"] "s3:GetBucketPolicyStatus" no;
    GetBucketCors Get Bucket ["cors"] "s3:GetBucketCORS" yes;
    PutBucketCors Put Bucket ["cors"] "s3:PutBucketCORS" yes;
    DeleteBucketCors Delete Bucket ["cors"] "s3:PutBucketCORS" yes;
    GetBucketLifecycleConfiguration Get Bucket ["lifecycle"] "s3:GetLifecycleConfiguration" no;
    PutBucketLifecycleConfiguration Put Bucket ["lifecycle"] "s3:PutLifecycleConfiguration" no;
    DeleteBucketLifecycle Delete Bucket ["lifecycle"] "s3:PutLifecycleConfiguration" no;
    GetBucketEncryption Get Bucket ["encryption"] "s3:GetEncryptionConfiguration" no;
    PutBucketEncryption Put Bucket ["encryption"] "s3:PutEncryptionConfiguration" no;
    DeleteBucketEncryption Delete Bucket ["encryption"] "s3:PutEncryptionConfiguration" no;
    GetBucketOwnershipControls Get Bucket ["ownershipControls"] "s3:GetBucketOwnershipControls" no;
    PutBucketOwnershipControls Put Bucket ["ownershipControls"] "s3:PutBucketOwnershipControls" no;
    DeleteBucketOwnershipControls Delete Bucket ["ownershipControls"] "s3:PutBucketOwnershipControls" no;
    GetPublicAccessBlock Get Bucket ["publicAccessBlock"] "s3:GetBucketPublicAccessBlock" no;
    PutPublicAccessBlock Put Bucket ["publicAccessBlock"] "s3:PutBucketPublicAccessBlock" no;
    DeletePublicAccessBlock Delete Bucket ["publicAccessBlock"] "s3:PutBucketPublicAccessBlock" no;
    GetBucketNotificationConfiguration Get Bucket ["notification"] "s3:GetBucketNotification" no;
    PutBucketNotificationConfiguration Put Bucket ["notification"] "s3:PutBucketNotification" no;
    GetBucketReplication Get Bucket ["replication"] "s3:GetReplicationConfiguration" no;
    PutBucketReplication Put Bucket ["replication"] "s3:PutReplicationConfiguration" no;
    DeleteBucketReplication Delete Bucket ["replication"] "s3:PutReplicationConfiguration" no;
    GetBucketWebsite Get Bucket ["website"] "s3:GetBucketWebsite" no;
    PutBucketWebsite Put Bucket ["website"] "s3:PutBucketWebsite" no;
    DeleteBucketWebsite Delete Bucket ["website"] "s3:DeleteBucketWebsite" no;
    GetBucketLogging Get Bucket ["logging"] "s3:GetBucketLogging" no;
    PutBucketLogging Put Bucket ["logging"] "s3:PutBucketLogging" no;
    GetBucketRequestPayment Get Bucket ["requestPayment"] "s3:GetBucketRequestPayment" no;
    PutBucketRequestPayment Put Bucket ["requestPayment"] "s3:PutBucketRequestPayment" no;
    GetBucketAccelerateConfiguration Get Bucket ["accelerate"] "s3:GetAccelerateConfiguration" no;
    PutBucketAccelerateConfiguration Put Bucket ["accelerate"] "s3:PutAccelerateConfiguration" no;
    GetBucketAnalyticsConfiguration Get Bucket ["analytics"] "s3:GetAnalyticsConfiguration" no;
    PutBucketAnalyticsConfiguration Put Bucket ["analytics"] "s3:PutAnalyticsConfiguration" no;
    DeleteBucketAnalyticsConfiguration Delete Bucket ["analytics"] "s3:PutAnalyticsConfiguration" no;
    GetBucketIntelligentTieringConfiguration Get Bucket ["intelligent-tiering"] "s3:GetIntelligentTieringConfiguration" no;
    PutBucketIntelligentTieringConfiguration Put Bucket ["intelligent-tiering"] "s3:PutIntelligentTieringConfiguration" no;
    DeleteBucketIntelligentTieringConfiguration Delete Bucket ["intelligent-tiering"] "s3:PutIntelligentTieringConfiguration" no;
    GetBucketInventoryConfiguration Get Bucket ["inventory"] "s3:GetInventoryConfiguration" no;
    PutBucketInventoryConfiguration Put Bucket ["inventory"] "s3:PutInventoryConfiguration" no;
    DeleteBucketInventoryConfiguration Delete Bucket ["inventory"] "s3:PutInventoryConfiguration" no;
    GetBucketMetricsConfiguration Get Bucket ["metrics"] "s3:GetMetricsConfiguration" no;
    PutBucketMetricsConfiguration Put Bucket ["metrics"] "s3:PutMetricsConfiguration" no;
    DeleteBucketMetricsConfiguration Delete Bucket ["metrics"] "s3:PutMetricsConfiguration" no;
    GetBucketMetadataTableConfiguration Get Bucket ["metadataTable"] "s3:GetBucketMetadataTableConfiguration" no;
    CreateBucketMetadataTableConfiguration Post Bucket ["metadataTable"] "s3:CreateBucketMetadataTableConfiguration" no;
    DeleteBucketMetadataTableConfiguration Delete Bucket ["metadataTable"] "s3:DeleteBucketMetadataTableConfiguration" no;
    GetBucketMetadataConfiguration Get Bucket ["metadataConfiguration"] "s3:GetBucketMetadataTableConfiguration" no;
    CreateBucketMetadataConfiguration Post Bucket ["metadataConfiguration"] "s3:CreateBucketMetadataTableConfiguration" no;
    DeleteBucketMetadataConfiguration Delete Bucket ["metadataConfiguration"] "s3:DeleteBucketMetadataTableConfiguration" no;
    UpdateBucketMetadataInventoryTableConfiguration Put Bucket ["metadataInventoryTable"] "s3:UpdateBucketMetadataInventoryTableConfiguration" no;
    UpdateBucketMetadataJournalTableConfiguration Put Bucket ["metadataJournalTable"] "s3:UpdateBucketMetadataJournalTableConfiguration" no;
    UpdateBucketMetadataAnnotationTableConfiguration Put Bucket ["metadataAnnotationTable"] "s3:UpdateBucketMetadataAnnotationTableConfiguration" no;
    GetBucketAbac Get Bucket ["abac"] "s3:GetBucketAbac" no;
    PutBucketAbac Put Bucket ["abac"] "s3:PutBucketAbac" no;
    CreateSession Get Bucket ["session"] "s3:CreateSession" no;
    WriteGetObjectResponse Post Service ["x-id"] ("x-amz-request-route") "s3:WriteGetObjectResponse" no;
    CorsPreflightBucket Options Bucket [] "s3:GetBucketCORS" yes;
    CorsPreflightObject Options Object [] "s3:GetBucketCORS" yes;
}

/// Query names that never select an operation on their own, though a row may ask for them.
const ARGUMENTS: &[&str] = &["partNumber", "x-id", "versionId"];

/// A request whose operation is known. First step of the gate: nothing is checked yet.
pub struct Routed {
    pub(super) head: Head,
    hoisted: Option<Headers>,
    pub(super) body: RequestBody,
    pub(super) target: Target,
    pub(super) query: Query,
    pub(super) route: &'static Route,
    pub(super) secure: bool,
}

impl Routed {
    /// Finds what `request` asks for.
    ///
    /// # Errors
    /// `InvalidURI`, `KeyTooLongError`, what [`hoisted`] refuses, or `MethodNotAllowed` if no row matches.
    pub fn of(request: Request, domain: Option<&str>) -> Result<Self, S3Error> {
        let Request { head, body, secure, .. } = request;
        let target = Target::of(&head, domain)?;
        let query = Query::parse(head.query())?;
        let hoisted = hoisted(&head, &query)?;
        let headers = hoisted.as_ref().unwrap_or(head.headers());
        let shape = target.shape().ok_or(Code::InvalidURI)?;
        let route = find(head.method(), headers, shape, &query)?;
        Ok(Self { head, hoisted, body, target, query, route, secure })
    }

    /// What the request says in headers, and a presigned URL in their stead.
    pub(super) fn headers(&self) -> &Headers {
        self.hoisted.as_ref().unwrap_or(self.head.headers())
    }

    /// What it asks for.
    pub fn operation(&self) -> Operation {
        self.route.operation
    }
}

/// The rows by what every request tells first, so that it is held against few of them.
static BY_METHOD_AND_SHAPE: LazyLock<Map<(Method, Shape), Vec<&Route>>> = LazyLock::new(|| {
    let mut rows: Map<_, Vec<_>> = Map::default();
    for route in ROUTES {
        rows.entry((route.method, route.shape)).or_default().push(route);
    }
    rows
});

/// The headers of a presigned URL whose maker moved some into the query, as SDKs do: they are signed
/// there and mean what they mean in a header. Not those about the body, which the maker of the URL has
/// not seen (aws-sdk-js puts the checksum of an empty one there).
///
/// # Errors
/// `InvalidArgument` for what could not have come in a header: it must not get out in one either.
fn hoisted(head: &Head, query: &Query) -> Result<Option<Headers>, S3Error> {
    let is_hoisted = |name: &str| {
        name.starts_with("x-amz-")
            && !["x-amz-checksum-", "x-amz-sdk-checksum-", "x-amz-content-", "x-amz-decoded-"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
            && !SIGNING.contains(&name)
    };
    if !query.has("X-Amz-Signature") {
        return Ok(None);
    }
    let own = head.headers();
    let hoisted: Vec<_> = query
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| is_hoisted(name) && own.get(name).is_none())
        .collect();
    if hoisted.is_empty() {
        return Ok(None);
    }
    let is_header = |name: &str, value: &str| is_token(name) && !value.contains(char::is_control);
    if let Some((name, value)) = hoisted.iter().find(|(name, value)| !is_header(name, value)) {
        let message = "A parameter of a presigned URL that stands for a header must be one.";
        return Err(S3Error::argument(message, name, value));
    }
    Ok(Some(own.with(hoisted.iter().map(|(name, value)| (name.as_str(), *value)))))
}

/// What a presigned URL says about its own signature.
const SIGNING: [&str; 7] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];

/// The row for a request: all it asks for is there, and no name in the query selects another.
fn find(
    method: Method,
    headers: &Headers,
    shape: Shape,
    query: &Query,
) -> Result<&'static Route, S3Error> {
    let selects = |name: &str| !ARGUMENTS.contains(&name) && selects_in(shape, name);
    refuse_unknown_selectors(method, shape, query)?;
    // A preflight has the query of the request that it asks about.
    let is_preflight = method == Method::Options;
    let selectors = query.iter().filter(|(name, _)| !is_preflight && selects(name)).count();
    let matches = |route: &&Route| {
        route.query.iter().all(|name| query.has(name))
            && route.query.iter().filter(|name| selects(name)).count() == selectors
            && route.header.is_none_or(|name| headers.get(name).is_some())
    };
    let plain_last = |route: &&Route| (route.header.is_some(), route.query.len());
    let rows = BY_METHOD_AND_SHAPE.get(&(method, shape)).into_iter().flatten().copied();
    rows.filter(matches).max_by_key(plain_last).ok_or_else(|| {
        S3Error::from(Code::MethodNotAllowed)
            .with("Method", method.as_str())
            .with("ResourceType", if shape == Shape::Object { "OBJECT" } else { "BUCKET" })
    })
}

/// Refuses a write whose query holds a bare name that no row knows: it selects an operation of a later
/// S3, and to go on without it would write or delete the object itself. (Names with values are
/// arguments; of a read an unknown name changes nothing.)
fn refuse_unknown_selectors(method: Method, shape: Shape, query: &Query) -> Result<(), S3Error> {
    if !matches!(method, Method::Put | Method::Post | Method::Delete) {
        return Ok(());
    }
    let is_known = |name: &str| ARGUMENTS.contains(&name) || selects_in(shape, name);
    match query.iter().find(|(name, value)| value.is_empty() && !is_known(name)) {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("No operation of this version is selected by ?{name}.");
            Err(S3Error::new(Code::NotImplemented, message))
        }
    }
}

/// Whether `name` selects an operation of this shape. (`?session` on an object is anyone's own.)
fn selects_in(shape: Shape, name: &str) -> bool {
    ROUTES.iter().any(|route| route.shape == shape && route.query.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{head, request_for};

    fn route(method: &str, target: &str, headers: &[(&str, &str)]) -> Result<Operation, Code> {
        let headers: Vec<_> = [("host", "localhost")].iter().chain(headers).copied().collect();
        let request = crate::testing::request(head(method, target, &headers), b"");
        Routed::of(request, None).map(|it| it.operation()).map_err(|error| error.code())
    }

    #[test]
    fn every_row_is_found_by_a_request_made_from_it() {
        for row in ROUTES {
            let routed = Routed::of(request_for(row), None).map(|routed| routed.operation());
            assert_eq!(routed, Ok(row.operation), "{row:?}");
        }
    }

    #[test]
    fn every_operation_has_one_row() {
        for (index, row) in ROUTES.iter().enumerate() {
            let twin = ROUTES.iter().skip(index + 1).find(|it| it.operation == row.operation);
            assert!(twin.is_none(), "{row:?}");
        }
    }

    #[test]
    fn the_documentation_tells_the_same() {
        let page = include_str!("../../../deploy/docs/s3.md");
        let mut rows: Vec<&str> = page.lines().filter(|line| line.contains("| `s3:")).collect();
        for Route { operation, action, built, .. } in ROUTES {
            let (name, here) = (operation.name(), if *built { "yes" } else { "not yet" });
            let tells = |row: &&str| {
                row.starts_with(&format!("| {name} |"))
                    && row.contains(&format!("| `{action}` | {here} |"))
            };
            let found = rows.iter().position(tells).expect(name);
            rows.remove(found);
        }
        assert_eq!(rows, [""; 0]);
    }

    #[test]
    fn an_unknown_argument_changes_nothing() {
        assert_eq!(route("GET", "/b/k?x-id=GetObject&foo", &[]), Ok(Operation::GetObject));
        assert_eq!(route("GET", "/b?prefix=a&delimiter=/", &[]), Ok(Operation::ListObjects));
        assert_eq!(route("GET", "/b/k?partNumber=1", &[]), Ok(Operation::GetObject));
        assert_eq!(route("GET", "/b/k?session=abc", &[]), Ok(Operation::GetObject));
    }

    #[test]
    fn a_subresource_is_never_taken_for_the_object_or_bucket() {
        for (method, target) in [
            ("PUT", "/b/k?uploadId=x"),
            ("PUT", "/b/k?torrent"),
            ("PUT", "/b?location"),
            ("DELETE", "/b?acl"),
            ("DELETE", "/b/k?acl"),
            ("PUT", "/b/k?acl&tagging"),
            ("POST", "/b/k"),
            ("PUT", "/"),
            ("DELETE", "/"),
        ] {
            assert_eq!(
                route(method, target, &[]),
                Err(Code::MethodNotAllowed),
                "{method} {target}"
            );
        }
    }

    #[test]
    fn a_bare_name_that_is_not_known_is_no_write_of_the_object() {
        for (method, target) in [
            ("PUT", "/b/k?note"),
            ("DELETE", "/b/k?note="),
            ("DELETE", "/b?note"),
            ("PUT", "/b?a&b"),
        ] {
            assert_eq!(route(method, target, &[]), Err(Code::NotImplemented), "{method} {target}");
        }
        assert_eq!(route("PUT", "/b/k?note=1&x-id=PutObject", &[]), Ok(Operation::PutObject));
        assert_eq!(route("DELETE", "/b/k?versionId=", &[]), Ok(Operation::DeleteObject));
        assert_eq!(route("GET", "/b/k?123", &[]), Ok(Operation::GetObject));
        assert_eq!(route("PUT", "/b/k?annotation", &[]), Ok(Operation::PutObjectAnnotation));
    }

    #[test]
    fn a_parameter_that_stands_for_a_header_must_be_one() {
        let of =
            |parameter: &str| route("PUT", &format!("/b/k?X-Amz-Signature=0&{parameter}"), &[]);
        for parameter in [
            "x-amz-meta-a%3A%201%0D%0ASet-Cookie%3A%20b%3D1%0D%0A%0D%0Ac=d",
            "x-amz-meta-a%20b=c",
            "x-amz-meta-%C3%A9=c",
            "x-amz-meta-a=b%0D%0ASet-Cookie%3A%20c",
            "x-amz-meta-a=%00",
        ] {
            assert_eq!(of(parameter), Err(Code::InvalidArgument), "{parameter}");
        }
        assert_eq!(of("x-amz-meta-a=%C3%A9"), Ok(Operation::PutObject));
    }

    #[test]
    fn a_preflight_may_have_the_query_of_what_it_asks_about() {
        for query in ["uploads", "partNumber=1&uploadId=x", "tagging", "list-type=2&prefix=a"] {
            let of = |path| route("OPTIONS", &format!("{path}?{query}"), &[]);
            assert_eq!(of("/b"), Ok(Operation::CorsPreflightBucket), "{query}");
            assert_eq!(of("/b/k"), Ok(Operation::CorsPreflightObject), "{query}");
        }
    }

    #[test]
    fn what_a_presigned_url_has_in_its_query_counts_as_headers() {
        let of = |query: &str, headers: &[(&str, &str)]| {
            let target = format!("/b/k?{query}");
            let routed =
                Routed::of(crate::testing::request(head("PUT", &target, headers), b""), None);
            routed.expect("known")
        };
        let query = "X-Amz-Signature=0&X-Amz-Date=1&x-amz-meta-a=b%20c&X-Amz-Meta-D=e\
            &x-amz-checksum-crc32=AAAAAA%3D%3D&x-amz-sdk-checksum-algorithm=CRC32";
        let own = [("x-amz-meta-a", "own"), ("x-amz-acl", "private")];
        let routed = of(query, &[]);
        assert_eq!(routed.headers().get("x-amz-meta-a"), Some("b c"));
        assert_eq!(routed.headers().get("x-amz-meta-d"), Some("e"));
        for name in ["x-amz-date", "x-amz-signature", "x-amz-checksum-crc32"] {
            assert_eq!(routed.headers().get(name), None, "{name}");
        }
        let routed = of(query, &own);
        assert_eq!(routed.headers().get_all("x-amz-meta-a").collect::<Vec<_>>(), ["own"]);
        assert_eq!(routed.headers().get("x-amz-acl"), Some("private"));
        let unsigned = of(&query.replace("X-Amz-Signature=0&", ""), &[]);
        assert_eq!(unsigned.headers().get("x-amz-meta-a"), None, "only where the query is signed");
        let copy = of("X-Amz-Signature=0&x-amz-copy-source=/b/other", &[]);
        assert_eq!(copy.operation(), Operation::CopyObject, "never a PUT of nothing");
    }

    #[test]
    fn a_key_without_a_bucket_is_no_target() {
        assert_eq!(route("GET", "//k", &[]), Err(Code::InvalidURI));
    }
}

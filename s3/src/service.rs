//! The S3 service of one core: what `net` calls for every request. Takes it through the gate, hands
//! it to its verb, and gives every answer its ids and every error its document.

use crate::answer;
use crate::error::{Code, S3Error};
use crate::gate::preflight::{self, CrossOrigin};
use crate::gate::{Admission, Admitted, Authorized, Operation, Posted, Routed, Verified};
use crate::gate::{authorize, verify};
use crate::keyring::Keyring;
use crate::node::{Node, Settings};
use crate::verb;
use hamster_core::Core;
use hamster_meta::Meta;
use hamster_net::http::{self, Rejection, Request, Response};
use hamster_shard::Shards;
use std::rc::Rc;

/// Serves S3 on one core.
pub struct Service {
    node: Node,
    domain: Option<String>,
    admission: Admission,
    host_id: String,
}

impl Service {
    /// The service of the core whose handles these are.
    pub fn new(
        core: &Core,
        shards: Shards,
        meta: Meta,
        keyring: Keyring,
        settings: Settings,
    ) -> Self {
        let Settings { region, domain, writer_epoch } = settings;
        let host_id = format!("hamster-{}", core.index().get());
        let region = Rc::from(region);
        let node = Node { core: core.clone(), shards, meta, keyring, region, writer_epoch };
        Self { node, domain, admission: Admission::default(), host_id }
    }

    /// Through the gate, to the verb.
    async fn answer(&self, request: Request) -> Result<Response, S3Error> {
        let node = &self.node;
        let routed = Routed::of(request, self.domain.as_deref())?;
        if preflight::is_one(&routed) {
            return preflight::answer(&routed, &node.meta).await;
        }
        let verified = self.verify(routed).await?;
        verified.check_built()?;
        let authorized = Authorized::check(verified, &node.meta).await?;
        dispatch(node, self.admission.admit(authorized)?).await
    }

    /// Of a form the claim is within the body: its head is read first.
    async fn verify(&self, routed: Routed) -> Result<Verified, S3Error> {
        let Node { core, keyring, region, meta, .. } = &self.node;
        if routed.operation() == Operation::PostObject {
            let posted = Posted::read(routed, core, &self.admission).await?;
            if let Some(routed) = posted.unsigned() {
                return Err(authorize::unsigned(routed, meta).await);
            }
            let credentials = keyring.in_force(meta).await?;
            return Verified::check_form(posted, &credentials, region, core.clock().wall());
        }
        if verify::is_unsigned(&routed) {
            return Err(authorize::unsigned(&routed, meta).await);
        }
        let credentials = keyring.in_force(meta).await?;
        Verified::check(routed, &credentials, region, core.clock().wall())
    }

    fn request_id(&self) -> String {
        format!("{:016X}", self.node.core.entropy().next_u64())
    }
}

/// One arm for each operation that is built.
async fn dispatch(node: &Node, request: Admitted<()>) -> Result<Response, S3Error> {
    match request.operation() {
        Operation::ListBuckets => verb::list_buckets::of_user(node, request.of()).await,
        Operation::CreateBucket => verb::create_bucket::named(node, request.of()).await,
        Operation::HeadBucket => verb::head_bucket::exists(node, request.of()),
        Operation::DeleteBucket => verb::delete_bucket::empty(node, request.of()).await,
        Operation::GetBucketLocation => verb::bucket_settings::location(node, request.of()),
        Operation::GetBucketVersioning => verb::bucket_settings::versioning(request.of()),
        Operation::PutBucketCors => verb::bucket_cors::put(node, request.of()).await,
        Operation::GetBucketCors => verb::bucket_cors::get(node, request.of()).await,
        Operation::DeleteBucketCors => verb::bucket_cors::delete(node, request.of()).await,
        Operation::PutBucketTagging => verb::bucket_tagging::put(node, request.of()).await,
        Operation::GetBucketTagging => verb::bucket_tagging::get(node, request.of()).await,
        Operation::DeleteBucketTagging => verb::bucket_tagging::delete(node, request.of()).await,
        Operation::PutObjectTagging => verb::object_tagging::put(node, request.of()).await,
        Operation::GetObjectTagging => verb::object_tagging::get(node, request.of()).await,
        Operation::DeleteObjectTagging => verb::object_tagging::delete(node, request.of()).await,
        Operation::GetObjectAttributes => verb::attributes::of_object(node, request.of()).await,
        Operation::GetBucketAcl => verb::acl::of_bucket(node, request.of()),
        Operation::GetObjectAcl => verb::acl::of_object(node, request.of()).await,
        Operation::PutObject => verb::put::object(node, request.of()).await,
        Operation::CopyObject => verb::copy::object(node, request.of()).await,
        Operation::GetObject => verb::get::object(node, request.of()).await,
        Operation::HeadObject => verb::head::object(node, request.of()).await,
        Operation::DeleteObject => verb::delete::object(node, request.of()).await,
        Operation::DeleteObjects => verb::delete_many::objects(node, request.of()).await,
        Operation::PostObject => verb::post::form(node, request.of()).await,
        Operation::ListObjects => verb::list::version_1(node, request.of()).await,
        Operation::ListObjectVersions => verb::list_versions::page(node, request.of()).await,
        Operation::ListObjectsV2 => verb::list::version_2(node, request.of()).await,
        Operation::CreateMultipartUpload => verb::create_upload::begin(node, request.of()).await,
        Operation::UploadPart => verb::put_part::part(node, request.of()).await,
        Operation::UploadPartCopy => verb::put_part_copy::part(node, request.of()).await,
        Operation::CompleteMultipartUpload => {
            verb::complete_upload::complete(node, request.of()).await
        }
        Operation::AbortMultipartUpload => verb::abort_upload::abort(node, request.of()).await,
        Operation::ListParts => verb::list_parts::page(node, request.of()).await,
        Operation::ListMultipartUploads => verb::list_uploads::page(node, request.of()).await,
        // The gate has refused the rows that are not built: this arm only keeps the match total.
        other => Err(S3Error::new(Code::NotImplemented, other.name())),
    }
}

impl http::Service for Service {
    async fn call(&self, request: Request) -> Response {
        let request_id = self.request_id();
        let path = request.head.path().to_owned();
        let cross_origin = CrossOrigin::of(&request.head, self.domain.as_deref());
        let mut response = match self.answer(request).await {
            Ok(response) => response,
            Err(error) => {
                tracing::debug!(%request_id, path, %error, "refused");
                answer::error(&error, &path, &request_id, &self.host_id)
            }
        };
        if let Some(cross_origin) = cross_origin {
            cross_origin.add_to(&mut response, &self.node.meta).await;
        }
        answer::identify(&mut response, &request_id, &self.host_id);
        response
    }

    fn reject(&self, rejection: Rejection) -> Response {
        let code = match rejection {
            Rejection::Malformed(_) | Rejection::VersionUnsupported => Code::InvalidRequest,
            Rejection::HeadTooLarge => Code::RequestHeaderSectionTooLarge,
            Rejection::MethodUnknown => Code::MethodNotAllowed,
            Rejection::HeadTimedOut => Code::RequestTimeout,
            Rejection::TooManyConnections => Code::SlowDown,
        };
        let error = S3Error::new(code, rejection.to_string());
        let request_id = self.request_id();
        let mut response = answer::error(&error, "/", &request_id, &self.host_id);
        // Why: HTTP's own status says more of a head than S3's code can.
        response.status = rejection.status();
        answer::identify(&mut response, &request_id, &self.host_id);
        response
    }
}

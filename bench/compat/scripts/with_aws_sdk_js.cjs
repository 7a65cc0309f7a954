// aws-sdk-js v3: buffers and streams in and out, lib-storage's Upload in parts, paginators, bulk delete,
// copies, conditions, tags, waiters, presigned URLs. Started as `node SCRIPT ENDPOINT BUCKET FOLDER`.
"use strict";

const assert = require("node:assert/strict");
const { createHash } = require("node:crypto");
const { Readable } = require("node:stream");
const s3 = require("@aws-sdk/client-s3");
const { Upload } = require("@aws-sdk/lib-storage");
const { getSignedUrl } = require("@aws-sdk/s3-request-presigner");

const [endpoint, Bucket] = process.argv.slice(2);
const client = new s3.S3Client({ endpoint, forcePathStyle: true });
const MIB = 1 << 20;

// Bytes that no other seed gives.
function content(seed, length) {
  const blocks = [];
  for (let at = 0; at < length; at += 32) {
    blocks.push(createHash("sha256").update(`${seed} ${at}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, length);
}

const send = (name, input) => client.send(new s3[`${name}Command`]({ Bucket, ...input }));
const read = async (Key, further) => {
  const answer = await send("GetObject", { Key, ...further });
  return Buffer.from(await answer.Body.transformToByteArray());
};
const pieces = function* (body) {
  for (let at = 0; at < body.length; at += 100_000) yield body.subarray(at, at + 100_000);
};
const refused = (name, input, error) =>
  assert.rejects(send(name, input), (found) => {
    assert.equal(found.name, error);
    return true;
  });

async function objects() {
  const odd = "odd/ünïcödé + 100% & a=b#c?d;é 文件";
  for (const [Key, body] of [["small", Buffer.from("small")], ["empty", Buffer.alloc(0)],
    [odd, content(1, MIB)]]) {
    const put = await send("PutObject", { Key, Body: body, ContentType: "text/x-odd" });
    assert.ok(put.ChecksumCRC32, "the server answers with the checksum it verified");
    assert.ok((await read(Key)).equals(body), Key);
  }
  const length = 3 * MIB + 1;
  const Body = Readable.from(pieces(content(2, length)));
  await send("PutObject", { Key: "streamed", Body, ContentLength: length });
  assert.ok((await read("streamed")).equals(content(2, length)), "a stream");
  const part = await read("streamed", { Range: "bytes=1000000-2000000" });
  assert.ok(part.equals(content(2, length).subarray(1_000_000, 2_000_001)), "a range");
  await send("PutObject", { Key: "small", Body: "written over", Metadata: { colour: "blue" } });
  const head = await send("HeadObject", { Key: "small" });
  assert.deepEqual([head.ContentLength, head.Metadata], [12, { colour: "blue" }]);
  for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]) {
    await send("PutObject", { Key: "sum", Body: content(3, 1000), ChecksumAlgorithm });
    assert.ok((await read("sum")).equals(content(3, 1000)), ChecksumAlgorithm);
  }
  await refused("GetObject", { Key: "absent" }, "NoSuchKey");
  await refused("HeadObject", { Key: "absent" }, "NotFound");
}

async function uploads() {
  const body = content(4, 23 * MIB + 7);
  for (const [Key, Body] of [["parts/buffer", body], ["parts/stream", Readable.from(pieces(body))]]) {
    const upload = new Upload({ client, params: { Bucket, Key, Body }, partSize: 5 * MIB });
    let parts = 0;
    upload.on("httpUploadProgress", (progress) => (parts = Math.max(parts, progress.part)));
    const done = await upload.done();
    assert.match(done.ETag, /^"[0-9a-f]{32}-5"$/);
    assert.equal(parts, 5);
    assert.ok((await read(Key)).equals(body), Key);
  }
  const stopped = new Upload({ client, params: { Bucket, Key: "stopped", Body: body } });
  stopped.once("httpUploadProgress", () => stopped.abort());
  await assert.rejects(stopped.done(), { name: "AbortError" });
  const listed = await send("ListMultipartUploads", { Prefix: "parts/" });
  assert.deepEqual(listed.Uploads ?? [], []);
  const small = new Upload({ client, params: { Bucket, Key: "parts/small", Body: "one part" } });
  await small.done();
  assert.equal((await read("parts/small")).toString(), "one part");
}

async function listings() {
  const keys = Array.from({ length: 120 }, (_, number) => `many/${number % 4}/${number}`);
  await Promise.all(keys.map((Key) => send("PutObject", { Key, Body: Key })));
  const found = [];
  const input = { Bucket, Prefix: "many/", MaxKeys: 50 };
  for await (const page of s3.paginateListObjectsV2({ client }, input)) {
    found.push(...page.Contents.map((entry) => entry.Key));
  }
  assert.deepEqual(found, [...keys].sort());
  const level = await send("ListObjectsV2", { Prefix: "many/", Delimiter: "/" });
  assert.deepEqual(level.CommonPrefixes.map((entry) => entry.Prefix),
    ["many/0/", "many/1/", "many/2/", "many/3/"]);
  const Delete = { Objects: keys.map((Key) => ({ Key })) };
  const gone = await send("DeleteObjects", { Delete });
  assert.deepEqual([gone.Deleted.length, gone.Errors], [120, undefined]);
  assert.equal((await send("ListObjectsV2", { Prefix: "many/" })).KeyCount, 0);
}

async function copies() {
  const CopySource = encodeURI(`${Bucket}/parts/buffer`);
  await send("CopyObject", { Key: "copied", CopySource, IfNoneMatch: "*" });
  assert.ok((await read("copied")).equals(content(4, 23 * MIB + 7)), "a copy");
  const { ETag } = await send("HeadObject", { Key: "copied" });
  await refused("PutObject", { Key: "copied", Body: "x", IfNoneMatch: "*" }, "PreconditionFailed");
  await send("PutObject", { Key: "copied", Body: "second", IfMatch: ETag });
  await refused("PutObject", { Key: "copied", Body: "x", IfMatch: ETag }, "PreconditionFailed");
  assert.equal((await read("copied")).toString(), "second");
  const races = Array.from({ length: 50 }, (_, number) =>
    send("PutObject", { Key: "race", Body: `${number}`, IfNoneMatch: "*" }));
  const won = (await Promise.allSettled(races)).filter((race) => race.status === "fulfilled");
  assert.equal(won.length, 1, "winners of a race");
  await send("PutObjectTagging",
    { Key: "copied", Tagging: { TagSet: [{ Key: "team", Value: "storage" }] } });
  const { TagSet } = await send("GetObjectTagging", { Key: "copied" });
  assert.deepEqual(TagSet, [{ Key: "team", Value: "storage" }]);
  const { ObjectSize } = await send("GetObjectAttributes",
    { Key: "copied", ObjectAttributes: ["ObjectSize", "ETag"] });
  assert.equal(ObjectSize, 6);
}

async function presigned() {
  const url = (name, input) =>
    getSignedUrl(client, new s3[`${name}Command`]({ Bucket, ...input }), { expiresIn: 300 });
  const body = content(5, MIB);
  const put = await fetch(await url("PutObject", { Key: "signed" }), { method: "PUT", body });
  assert.equal(put.status, 200, await put.text());
  const get = await fetch(await url("GetObject", { Key: "signed" }));
  assert.ok(Buffer.from(await get.arrayBuffer()).equals(body), "presigned");
  const override = { Key: "signed", ResponseContentDisposition: 'attachment; filename="a b"' };
  const named = await fetch(await url("GetObject", override));
  assert.equal(named.headers.get("content-disposition"), 'attachment; filename="a b"');
}

async function buckets() {
  const other = { Bucket: "made-by-aws-sdk-js" };
  await send("CreateBucket", other);
  await s3.waitUntilBucketExists({ client, maxWaitTime: 10 }, other);
  const { Buckets } = await client.send(new s3.ListBucketsCommand({}));
  assert.deepEqual(Buckets.map((bucket) => bucket.Name).sort(), [other.Bucket, Bucket].sort());
  await send("PutObject", { ...other, Key: "x", Body: "x" });
  await refused("DeleteBucket", other, "BucketNotEmpty");
  await send("DeleteObject", { ...other, Key: "x" });
  await s3.waitUntilObjectNotExists({ client, maxWaitTime: 10 }, { ...other, Key: "x" });
  await send("DeleteBucket", other);
}

(async () => {
  for (const step of [objects, uploads, listings, copies, presigned, buckets]) await step();
})().catch((error) => {
  console.error(error);
  process.exit(1);
});

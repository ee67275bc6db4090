-- 手写签名 The third way to say yes: a signature drawn on the screen, or where nothing can be drawn the name, typed, with
-- the code of the request.

-- What was drawn. It is there before the consent that names it, and answers one request. Append-only.
create table signature (
    subscriber_id bigint not null,
    -- The request that was signed; a consent names it together with the digest, so nothing else can be signed with it.
    request_id bigint not null,
    -- The lines as JSON, [[x, y, x, y, …], …] on a field of 600 by 240; every image is drawn from them.
    strokes bytea not null check (octet_length(strokes) between 1 and 65536),
    strokes_sha256 bytea not null,
    primary key (subscriber_id, request_id),
    foreign key (subscriber_id, request_id) references consent_request,
    constraint signature_digest check (strokes_sha256 = sha256(strokes)),
    -- No hand draws the same lines twice: equal ones are a copy.
    constraint signature_once unique (subscriber_id, strokes_sha256),
    -- What a consent must name.
    constraint signature_of_request unique (subscriber_id, request_id, strokes_sha256)
);
grant select, insert on signature to mingbai_app;

alter table consent
    -- The digest of what was drawn; NULL where nothing was. The evidence says the same, so the chain covers the strokes.
    add column strokes_sha256 bytea,
    add constraint consent_strokes foreign key (subscriber_id, request_id, strokes_sha256)
        references signature (subscriber_id, request_id, strokes_sha256),
    -- A request that is answered by signature has strokes or a typed name; nothing else has.
    add constraint consent_signed check (coalesce(
        (convert_from(evidence, 'UTF8')::jsonb ->> 'strokes_sha256') is not distinct from encode(strokes_sha256, 'hex')
        and num_nonnulls(strokes_sha256, convert_from(evidence, 'UTF8')::jsonb ->> 'signed_name')
            = case when method = 'signature' and request_id is not null then 1 else 0 end, false));

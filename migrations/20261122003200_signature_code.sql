-- A session alone is no yes: who draws a signature also gives the code of the request, and the answer in the evidence holds
-- both. Not asked of rows that are there: evidence is never changed.
alter table consent
    add constraint consent_drawn_with_code check (
        strokes_sha256 is null or convert_from(evidence, 'UTF8')::jsonb ->> 'answer' ~ '^signed [0-9]{6}$') not valid;

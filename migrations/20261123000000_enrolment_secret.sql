-- The secret of the second factor is made for the browser that shows the page of a link, which keeps it sealed until the link is
-- used. One that was made with the link was known to whoever opened the page before its person did.
alter table staff_enrolment drop column totp_secret;

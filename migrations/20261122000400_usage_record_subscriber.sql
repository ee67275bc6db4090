-- A record names somebody who exists, also where no plan does it.
alter table usage_record
    add constraint usage_record_subscriber foreign key (subscriber_id) references subscriber;

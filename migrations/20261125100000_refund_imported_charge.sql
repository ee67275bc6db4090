-- A refund of another system's charge is of one that was imported, for as much as it was, the way it was paid, from the payment that
-- it names.

alter table imported_charge
    -- What a refund must name, too: whose number it is that the money goes back to.
    add constraint imported_charge_reference unique (subscriber_id, imported_charge_id, route_reference);

alter table refund
    add constraint refund_imported_charge foreign key (subscriber_id, imported_charge_id, charged, paid_by)
        references imported_charge (subscriber_id, imported_charge_id, amount, route),
    add constraint refund_imported_reference foreign key (subscriber_id, imported_charge_id, reference)
        references imported_charge (subscriber_id, imported_charge_id, route_reference);

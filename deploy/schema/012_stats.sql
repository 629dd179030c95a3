-- What reports of flows are counted by.

create index email_sent_of on email_sent (flow);

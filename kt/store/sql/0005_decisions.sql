-- A decision becomes an order once: the look for it is a part of every order's planning.

CREATE INDEX orders_decision ON orders (decision_id) WHERE decision_id <> '';

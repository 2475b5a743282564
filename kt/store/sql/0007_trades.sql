-- One trade is one round trip; a row of closed_trades is a sale, one of its parts. The price is the
-- price, and the costs are columns of their own. What was booked before has its fee in the price.

-- `bought`: what the sold shares were bought for, without costs; `buy_fee`: their part of the fees.
ALTER TABLE closed_trades ADD COLUMN bought INTEGER NOT NULL DEFAULT 0;
ALTER TABLE closed_trades ADD COLUMN buy_fee INTEGER NOT NULL DEFAULT 0;
UPDATE closed_trades SET bought = round(quantity * sell_price) - fee - tax - profit;

-- The buy fees in `cost`.
ALTER TABLE positions ADD COLUMN fees INTEGER NOT NULL DEFAULT 0;

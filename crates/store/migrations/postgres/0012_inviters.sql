-- Who made an invitation what it is: it gives only what they could still give when it is accepted.
ALTER TABLE invitations ADD COLUMN inviter_type text COLLATE "C";
ALTER TABLE invitations ADD COLUMN inviter_id uuid;

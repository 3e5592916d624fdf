"""The announcement kit: what an institution tells its people, as a text, a guide page and a poster."""

"""The main job, end to end, on real recordings: what ``img2imu demo`` does."""
